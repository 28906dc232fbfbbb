// The driver of franz-go.
package main

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"millrace/clients/jsonlines"
)

var brokers = os.Getenv("BROKERS")

var codecs = map[string]kgo.CompressionCodec{
	"":       kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 35*time.Second)
}

func client(options ...kgo.Opt) (*kgo.Client, error) {
	all := []kgo.Opt{kgo.SeedBrokers(brokers), kgo.ClientID("franz-go"), kgo.MetadataMinAge(100 * time.Millisecond)}
	return kgo.NewClient(append(all, options...)...)
}

func records(request jsonlines.Request) []*kgo.Record {
	var all []*kgo.Record
	for _, one := range request.Records {
		record := &kgo.Record{Topic: request.Topic, Partition: one.Partition}
		record.Key, record.Value = jsonlines.Bytes(one.Key), jsonlines.Bytes(one.Value)
		for _, pair := range one.Headers {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: *pair[0], Value: jsonlines.Bytes(pair[1])})
		}
		all = append(all, record)
	}
	return all
}

func read(record *kgo.Record) jsonlines.Record {
	one := jsonlines.Record{
		Partition: record.Partition, Offset: record.Offset,
		Key: jsonlines.Text(record.Key), Value: jsonlines.Text(record.Value), Headers: [][]*string{},
	}
	for _, header := range record.Headers {
		one.Headers = append(one.Headers, []*string{&header.Key, jsonlines.Text(header.Value)})
	}
	return one
}

func produce(request jsonlines.Request) (any, error) {
	options := []kgo.Opt{
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codecs[request.Compression]),
		kgo.ProducerLinger(20 * time.Millisecond),
	}
	if !request.Idempotent {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	producer, err := client(options...)
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	ctx, cancel := deadline()
	defer cancel()
	return nil, producer.ProduceSync(ctx, records(request)...).FirstErr()
}

func readAll(request jsonlines.Request) (any, error) {
	from := map[int32]kgo.Offset{}
	for partition := range request.Partitions {
		from[partition] = kgo.NewOffset().AtStart()
	}
	isolation := kgo.ReadUncommitted()
	if request.Isolation == "read_committed" {
		isolation = kgo.ReadCommitted()
	}
	consumer, err := client(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{request.Topic: from}),
		kgo.FetchIsolationLevel(isolation), kgo.FetchMaxWait(100*time.Millisecond),
	)
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	ctx, cancel := deadline()
	defer cancel()
	var all []jsonlines.Record
	for len(all) < request.Count {
		fetches := consumer.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		fetches.EachRecord(func(record *kgo.Record) { all = append(all, read(record)) })
	}
	return all, nil
}

type member struct {
	sync.Mutex
	client *kgo.Client
	has    map[int32]bool
	seen   []jsonlines.Record
	ended  chan struct{}
}

func (m *member) take(has bool) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(_ context.Context, _ *kgo.Client, topics map[string][]int32) {
		m.Lock()
		defer m.Unlock()
		for _, partitions := range topics {
			for _, partition := range partitions {
				if has {
					m.has[partition] = true
				} else {
					delete(m.has, partition)
				}
			}
		}
	}
}

func (m *member) poll() {
	defer close(m.ended)
	for {
		fetches := m.client.PollFetches(context.Background())
		if fetches.IsClientClosed() {
			return
		}
		m.Lock()
		fetches.EachRecord(func(record *kgo.Record) { m.seen = append(m.seen, read(record)) })
		m.Unlock()
	}
}

var members = map[string]*member{}

func join(request jsonlines.Request) (any, error) {
	m := &member{has: map[int32]bool{}, seen: []jsonlines.Record{}, ended: make(chan struct{})}
	ctx := context.Background()
	if request.Protocol == "consumer" {
		ctx = context.WithValue(ctx, "opt_in_kafka_next_gen_balancer_beta", true) //nolint:staticcheck // the client asks for a text
	}
	var err error
	m.client, err = client(
		kgo.WithContext(ctx), kgo.ConsumerGroup(request.Group), kgo.ConsumeTopics(request.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(300*time.Millisecond),
		kgo.FetchMaxWait(100*time.Millisecond), kgo.MetadataMaxAge(2*time.Second),
		kgo.OnPartitionsAssigned(m.take(true)), kgo.OnPartitionsRevoked(m.take(false)), kgo.OnPartitionsLost(m.take(false)),
	)
	if err != nil {
		return nil, err
	}
	members[request.Member] = m
	go m.poll()
	return nil, nil
}

func seen(request jsonlines.Request) (any, error) {
	m := members[request.Member]
	m.Lock()
	defer m.Unlock()
	assignment := []int32{}
	for partition := range m.has {
		assignment = append(assignment, partition)
	}
	return jsonlines.Seen{Assignment: assignment, Records: append([]jsonlines.Record{}, m.seen...)}, nil
}

func commit(request jsonlines.Request) (any, error) {
	ctx, cancel := deadline()
	defer cancel()
	return nil, members[request.Member].client.CommitUncommittedOffsets(ctx)
}

func leave(request jsonlines.Request) (any, error) {
	m := members[request.Member]
	delete(members, request.Member)
	m.client.Close()
	<-m.ended
	return nil, nil
}

var transactional = map[string]*kgo.Client{}

func transaction(request jsonlines.Request) (any, error) {
	producer := transactional[request.TransactionalID]
	if producer == nil {
		var err error
		producer, err = client(kgo.TransactionalID(request.TransactionalID), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			return nil, err
		}
		transactional[request.TransactionalID] = producer
	}
	ctx, cancel := deadline()
	defer cancel()
	if err := producer.BeginTransaction(); err != nil {
		return nil, err
	}
	if err := producer.ProduceSync(ctx, records(request)...).FirstErr(); err != nil {
		return nil, err
	}
	return nil, producer.EndTransaction(ctx, kgo.TransactionEndTry(request.Outcome == "commit"))
}

// admin runs with an admin client and a deadline.
func admin(run func(context.Context, *kadm.Client, jsonlines.Request) (any, error)) func(jsonlines.Request) (any, error) {
	return func(request jsonlines.Request) (any, error) {
		inner, err := client()
		if err != nil {
			return nil, err
		}
		defer inner.Close()
		ctx, cancel := deadline()
		defer cancel()
		return run(ctx, kadm.NewClient(inner), request)
	}
}

func createTopic(ctx context.Context, a *kadm.Client, request jsonlines.Request) (any, error) {
	configs := map[string]*string{}
	for name, value := range request.Configs {
		configs[name] = &value
	}
	_, err := a.CreateTopic(ctx, request.Partitions, 1, configs, request.Topic)
	return nil, err
}

func describeTopic(ctx context.Context, a *kadm.Client, request jsonlines.Request) (any, error) {
	topics, err := a.ListTopics(ctx, request.Topic)
	if err != nil {
		return nil, err
	}
	return jsonlines.Described{Partitions: len(topics[request.Topic].Partitions)}, topics.Error()
}

func describeConfig(ctx context.Context, a *kadm.Client, request jsonlines.Request) (any, error) {
	configs, err := a.DescribeTopicConfigs(ctx, request.Topic)
	if err != nil {
		return nil, err
	}
	topic, err := configs.On(request.Topic, nil)
	if err != nil {
		return nil, err
	}
	for _, config := range topic.Configs {
		if config.Key == request.Name {
			return config.Value, topic.Err
		}
	}
	return nil, topic.Err
}

func alterConfig(ctx context.Context, a *kadm.Client, request jsonlines.Request) (any, error) {
	change := kadm.AlterConfig{Op: kadm.SetConfig, Name: request.Name, Value: &request.Value}
	altered, err := a.AlterTopicConfigs(ctx, []kadm.AlterConfig{change}, request.Topic)
	if err != nil {
		return nil, err
	}
	topic, err := altered.On(request.Topic, nil)
	return nil, errors.Join(err, topic.Err)
}

func deleteTopic(ctx context.Context, a *kadm.Client, request jsonlines.Request) (any, error) {
	_, err := a.DeleteTopic(ctx, request.Topic)
	return nil, err
}

func lag(ctx context.Context, a *kadm.Client, request jsonlines.Request) (any, error) {
	lags, err := a.Lag(ctx, request.Group)
	if err != nil {
		return nil, err
	}
	all := []jsonlines.Lag{}
	for _, one := range lags[request.Group].Lag.Sorted() {
		all = append(all, jsonlines.Lag{Partition: one.Partition, Committed: one.Commit.At, End: one.End.Offset})
	}
	return all, lags.Error()
}

func login(request jsonlines.Request) (any, error) {
	secret := scram.Auth{User: request.Username, Pass: request.Password}
	mechanism := plain.Auth{User: request.Username, Pass: request.Password}.AsMechanism()
	switch request.Mechanism {
	case "SCRAM-SHA-256":
		mechanism = secret.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		mechanism = secret.AsSha512Mechanism()
	}
	one, err := kgo.NewClient(kgo.SeedBrokers(request.Brokers), kgo.SASL(mechanism))
	if err != nil {
		return nil, err
	}
	defer one.Close()
	ctx, cancel := deadline()
	defer cancel()
	return nil, one.Ping(ctx)
}

func version(jsonlines.Request) (any, error) {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == "github.com/twmb/franz-go" {
			return dependency.Version[1:], nil
		}
	}
	return nil, errors.New("the version is not known")
}

func main() {
	jsonlines.Serve(jsonlines.Ops{
		"version": version, "produce": produce, "read": readAll,
		"join": join, "seen": seen, "commit": commit, "leave": leave, "transaction": transaction,
		"createTopic": admin(createTopic), "describeTopic": admin(describeTopic), "deleteTopic": admin(deleteTopic),
		"login":          login,
		"describeConfig": admin(describeConfig), "alterConfig": admin(alterConfig), "lag": admin(lag),
	}, func(err error) string {
		var known *kerr.Error
		if errors.As(err, &known) {
			return known.Message
		}
		return ""
	})
}
