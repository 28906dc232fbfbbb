// The driver of sarama.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"millrace/clients/jsonlines"
)

var brokers = []string{os.Getenv("BROKERS")}

var codecs = map[string]sarama.CompressionCodec{
	"":       sarama.CompressionNone,
	"gzip":   sarama.CompressionGZIP,
	"snappy": sarama.CompressionSnappy,
	"lz4":    sarama.CompressionLZ4,
	"zstd":   sarama.CompressionZSTD,
}

func config() *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID = "sarama"
	c.Version = sarama.V4_0_0_0
	c.Metadata.Retry.Max = 20
	c.Metadata.Retry.Backoff = 100 * time.Millisecond
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes = true
	c.Producer.Flush.Frequency = 20 * time.Millisecond
	c.Consumer.MaxWaitTime = 100 * time.Millisecond
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Group.Session.Timeout = 6 * time.Second
	c.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	c.Consumer.Group.Rebalance.Retry.Backoff = 100 * time.Millisecond
	return c
}

func messages(request jsonlines.Request) []*sarama.ProducerMessage {
	var all []*sarama.ProducerMessage
	for _, one := range request.Records {
		message := &sarama.ProducerMessage{Topic: request.Topic, Partition: one.Partition}
		if one.Key != nil {
			message.Key = sarama.StringEncoder(*one.Key)
		}
		if one.Value != nil {
			message.Value = sarama.StringEncoder(*one.Value)
		}
		for _, pair := range one.Headers {
			header := sarama.RecordHeader{Key: []byte(*pair[0]), Value: jsonlines.Bytes(pair[1])}
			message.Headers = append(message.Headers, header)
		}
		all = append(all, message)
	}
	return all
}

func read(message *sarama.ConsumerMessage) jsonlines.Record {
	one := jsonlines.Record{
		Partition: message.Partition, Offset: message.Offset,
		Key: jsonlines.Text(message.Key), Value: jsonlines.Text(message.Value), Headers: [][]*string{},
	}
	for _, header := range message.Headers {
		one.Headers = append(one.Headers, []*string{jsonlines.Text(header.Key), jsonlines.Text(header.Value)})
	}
	return one
}

func produce(request jsonlines.Request) (any, error) {
	c := config()
	c.Producer.Compression = codecs[request.Compression]
	if request.Idempotent {
		c.Producer.Idempotent = true
		c.Net.MaxOpenRequests = 1
	}
	producer, err := sarama.NewSyncProducer(brokers, c)
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	return nil, producer.SendMessages(messages(request))
}

func readAll(request jsonlines.Request) (any, error) {
	c := config()
	if request.Isolation == "read_committed" {
		c.Consumer.IsolationLevel = sarama.ReadCommitted
	}
	consumer, err := sarama.NewConsumer(brokers, c)
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	arrived := make(chan *sarama.ConsumerMessage, request.Count)
	for partition := range request.Partitions {
		from, err := consumer.ConsumePartition(request.Topic, partition, sarama.OffsetOldest)
		if err != nil {
			return nil, err
		}
		defer from.AsyncClose()
		go func() {
			for message := range from.Messages() {
				arrived <- message
			}
		}()
	}
	var all []jsonlines.Record
	late := time.After(35 * time.Second)
	for len(all) < request.Count {
		select {
		case message := <-arrived:
			all = append(all, read(message))
		case <-late:
			return nil, fmt.Errorf("only %d records came", len(all))
		}
	}
	return all, nil
}

type member struct {
	sync.Mutex
	group   sarama.ConsumerGroup
	session sarama.ConsumerGroupSession
	has     []int32
	seen    []jsonlines.Record
	stop    context.CancelFunc
	ended   chan struct{}
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.Lock()
	defer m.Unlock()
	m.session = session
	for _, partitions := range session.Claims() {
		m.has = append([]int32{}, partitions...)
	}
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error {
	m.Lock()
	defer m.Unlock()
	m.session, m.has = nil, []int32{}
	return nil
}

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			m.Lock()
			m.seen = append(m.seen, read(message))
			session.MarkMessage(message, "")
			m.Unlock()
		case <-session.Context().Done():
			return nil
		}
	}
}

var members = map[string]*member{}

func join(request jsonlines.Request) (any, error) {
	group, err := sarama.NewConsumerGroup(brokers, request.Group, config())
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &member{group: group, has: []int32{}, seen: []jsonlines.Record{}, stop: stop, ended: make(chan struct{})}
	members[request.Member] = m
	go func() {
		defer close(m.ended)
		for ctx.Err() == nil {
			if err := group.Consume(ctx, []string{request.Topic}, m); err != nil {
				// The broker may be restarting.
				fmt.Fprintln(os.Stderr, "consume", err)
				time.Sleep(100 * time.Millisecond)
			}
		}
	}()
	return nil, nil
}

func seen(request jsonlines.Request) (any, error) {
	m := members[request.Member]
	m.Lock()
	defer m.Unlock()
	return jsonlines.Seen{Assignment: m.has, Records: append([]jsonlines.Record{}, m.seen...)}, nil
}

func commit(request jsonlines.Request) (any, error) {
	m := members[request.Member]
	m.Lock()
	defer m.Unlock()
	if m.session == nil {
		return nil, errors.New("the member is between two generations")
	}
	m.session.Commit()
	return nil, nil
}

func leave(request jsonlines.Request) (any, error) {
	m := members[request.Member]
	delete(members, request.Member)
	m.stop()
	<-m.ended
	return nil, m.group.Close()
}

var transactional = map[string]sarama.SyncProducer{}

func transaction(request jsonlines.Request) (any, error) {
	producer := transactional[request.TransactionalID]
	if producer == nil {
		c := config()
		c.Producer.Idempotent = true
		c.Net.MaxOpenRequests = 1
		c.Producer.Transaction.ID = request.TransactionalID
		var err error
		if producer, err = sarama.NewSyncProducer(brokers, c); err != nil {
			return nil, err
		}
		transactional[request.TransactionalID] = producer
	}
	if err := producer.BeginTxn(); err != nil {
		return nil, err
	}
	if err := producer.SendMessages(messages(request)); err != nil {
		return nil, err
	}
	if request.Outcome == "commit" {
		return nil, producer.CommitTxn()
	}
	return nil, producer.AbortTxn()
}

// admin runs with an admin client.
func admin(run func(sarama.ClusterAdmin, jsonlines.Request) (any, error)) func(jsonlines.Request) (any, error) {
	return func(request jsonlines.Request) (any, error) {
		a, err := sarama.NewClusterAdmin(brokers, config())
		if err != nil {
			return nil, err
		}
		defer a.Close()
		return run(a, request)
	}
}

func createTopic(a sarama.ClusterAdmin, request jsonlines.Request) (any, error) {
	configs := map[string]*string{}
	for name, value := range request.Configs {
		configs[name] = &value
	}
	detail := &sarama.TopicDetail{NumPartitions: request.Partitions, ReplicationFactor: 1, ConfigEntries: configs}
	return nil, a.CreateTopic(request.Topic, detail, false)
}

func describeTopic(a sarama.ClusterAdmin, request jsonlines.Request) (any, error) {
	topics, err := a.DescribeTopics([]string{request.Topic})
	if err != nil {
		return nil, err
	}
	if topics[0].Err != sarama.ErrNoError {
		return nil, topics[0].Err
	}
	return jsonlines.Described{Partitions: len(topics[0].Partitions)}, nil
}

func describeConfig(a sarama.ClusterAdmin, request jsonlines.Request) (any, error) {
	resource := sarama.ConfigResource{Type: sarama.TopicResource, Name: request.Topic, ConfigNames: []string{request.Name}}
	entries, err := a.DescribeConfig(resource)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	return entries[0].Value, nil
}

func alterConfig(a sarama.ClusterAdmin, request jsonlines.Request) (any, error) {
	set := sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &request.Value}
	entries := map[string]sarama.IncrementalAlterConfigsEntry{request.Name: set}
	return nil, a.IncrementalAlterConfig(sarama.TopicResource, request.Topic, entries, false)
}

func deleteTopic(a sarama.ClusterAdmin, request jsonlines.Request) (any, error) {
	return nil, a.DeleteTopic(request.Topic)
}

func lag(a sarama.ClusterAdmin, request jsonlines.Request) (any, error) {
	client, err := sarama.NewClient(brokers, config())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	all := []jsonlines.Lag{}
	var partitions []int32
	for partition := range request.Partitions {
		partitions = append(partitions, partition)
	}
	committed, err := a.ListConsumerGroupOffsets(request.Group, map[string][]int32{request.Topic: partitions})
	if err != nil {
		return nil, err
	}
	for _, partition := range partitions {
		end, err := client.GetOffset(request.Topic, partition, sarama.OffsetNewest)
		if err != nil {
			return nil, err
		}
		block := committed.GetBlock(request.Topic, partition)
		all = append(all, jsonlines.Lag{Partition: partition, Committed: block.Offset, End: end})
	}
	return all, nil
}

func login(request jsonlines.Request) (any, error) {
	c := config()
	c.Metadata.Retry.Max = 0
	c.Net.SASL.Enable = true
	c.Net.SASL.Mechanism = sarama.SASLMechanism(request.Mechanism)
	c.Net.SASL.User, c.Net.SASL.Password = request.Username, request.Password
	client, err := sarama.NewClient([]string{request.Brokers}, c)
	if err != nil {
		return nil, err
	}
	return nil, client.Close()
}

func version(jsonlines.Request) (any, error) {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == "github.com/IBM/sarama" {
			return dependency.Version[1:], nil
		}
	}
	return nil, errors.New("the version is not known")
}

func kafkaName(err error) string {
	// A login that is refused comes as text inside another error.
	if strings.Contains(err.Error(), sarama.ErrSASLAuthenticationFailed.Error()) {
		return jsonlines.NameOf(int(sarama.ErrSASLAuthenticationFailed))
	}
	var several sarama.ProducerErrors
	if errors.As(err, &several) && len(several) > 0 {
		err = several[0].Err
	}
	var code sarama.KError
	if errors.As(err, &code) {
		return jsonlines.NameOf(int(code))
	}
	return ""
}

func main() {
	jsonlines.Serve(jsonlines.Ops{
		"version": version, "produce": produce, "read": readAll,
		"join": join, "seen": seen, "commit": commit, "leave": leave, "transaction": transaction,
		"createTopic": admin(createTopic), "describeTopic": admin(describeTopic), "deleteTopic": admin(deleteTopic),
		"login":          login,
		"describeConfig": admin(describeConfig), "alterConfig": admin(alterConfig), "lag": admin(lag),
	}, kafkaName)
}
