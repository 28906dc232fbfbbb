// The driver of segmentio/kafka-go.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"millrace/clients/jsonlines"
)

var brokers = os.Getenv("BROKERS")

var codecs = map[string]kafka.Compression{
	"gzip":   kafka.Gzip,
	"snappy": kafka.Snappy,
	"lz4":    kafka.Lz4,
	"zstd":   kafka.Zstd,
}

func deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 35*time.Second)
}

func read(message kafka.Message) jsonlines.Record {
	one := jsonlines.Record{
		Partition: int32(message.Partition), Offset: message.Offset,
		Key: jsonlines.Text(message.Key), Value: jsonlines.Text(message.Value), Headers: [][]*string{},
	}
	for _, header := range message.Headers {
		// The client reads an empty value as a missing one.
		value := string(header.Value)
		one.Headers = append(one.Headers, []*string{&header.Key, &value})
	}
	return one
}

func produce(request jsonlines.Request) (any, error) {
	transport := &kafka.Transport{ClientID: "kafka-go"}
	defer transport.CloseIdleConnections()
	writer := &kafka.Writer{
		Addr: kafka.TCP(brokers), Transport: transport, Topic: request.Topic, RequiredAcks: kafka.RequireAll,
		BatchTimeout: 20 * time.Millisecond, Compression: codecs[request.Compression],
		WriteBackoffMin: 50 * time.Millisecond, WriteBackoffMax: 500 * time.Millisecond, MaxAttempts: 20,
		Balancer: kafka.BalancerFunc(func(message kafka.Message, _ ...int) int { return message.WriterData.(int) }),
	}
	defer writer.Close()
	var messages []kafka.Message
	for _, one := range request.Records {
		message := kafka.Message{
			Key: jsonlines.Bytes(one.Key), Value: jsonlines.Bytes(one.Value), WriterData: int(one.Partition),
		}
		for _, pair := range one.Headers {
			message.Headers = append(message.Headers, kafka.Header{Key: *pair[0], Value: jsonlines.Bytes(pair[1])})
		}
		messages = append(messages, message)
	}
	ctx, cancel := deadline()
	defer cancel()
	return nil, writer.WriteMessages(ctx, messages...)
}

func reader(topic string, partition int, isolation kafka.IsolationLevel) *kafka.Reader {
	return kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{brokers}, Topic: topic, Partition: partition, IsolationLevel: isolation,
		MaxWait: 100 * time.Millisecond, ReadBackoffMin: 20 * time.Millisecond, ReadBackoffMax: 200 * time.Millisecond,
	})
}

func readAll(request jsonlines.Request) (any, error) {
	isolation := kafka.ReadUncommitted
	if request.Isolation == "read_committed" {
		isolation = kafka.ReadCommitted
	}
	ctx, cancel := deadline()
	defer cancel()
	arrived := make(chan kafka.Message)
	for partition := range request.Partitions {
		from := reader(request.Topic, int(partition), isolation)
		defer from.Close()
		go func() {
			for {
				message, err := from.ReadMessage(ctx)
				if err != nil {
					return
				}
				select {
				case arrived <- message:
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	var all []jsonlines.Record
	for len(all) < request.Count {
		select {
		case message := <-arrived:
			all = append(all, read(message))
		case <-ctx.Done():
			return nil, fmt.Errorf("only %d records came", len(all))
		}
	}
	return all, nil
}

// A member takes part in generations: its reader of groups does not tell which partitions it has.
type member struct {
	sync.Mutex
	group      *kafka.ConsumerGroup
	generation *kafka.Generation
	topic      string
	has        []int32
	seen       []jsonlines.Record
	next       map[int]int64
	stop       context.CancelFunc
	ended      chan struct{}
}

func (m *member) run(ctx context.Context) {
	defer close(m.ended)
	for ctx.Err() == nil {
		generation, err := m.group.Next(ctx)
		if err != nil {
			// The broker may be restarting.
			fmt.Fprintln(os.Stderr, "next", err)
			if errors.Is(err, kafka.ErrGroupClosed) {
				return
			}
			continue
		}
		m.Lock()
		m.generation, m.has, m.next = generation, []int32{}, map[int]int64{}
		for _, assigned := range generation.Assignments[m.topic] {
			m.has = append(m.has, int32(assigned.ID))
			generation.Start(func(ctx context.Context) { m.read(ctx, generation, assigned) })
		}
		m.Unlock()
		generation.Start(func(ctx context.Context) {
			<-ctx.Done()
			m.Lock()
			defer m.Unlock()
			if m.generation == generation {
				m.generation, m.has = nil, []int32{}
			}
		})
	}
}

func (m *member) read(ctx context.Context, generation *kafka.Generation, assigned kafka.PartitionAssignment) {
	from := reader(m.topic, assigned.ID, kafka.ReadUncommitted)
	defer from.Close()
	if err := from.SetOffset(assigned.Offset); err != nil {
		fmt.Fprintln(os.Stderr, "offset", err)
		return
	}
	for {
		message, err := from.ReadMessage(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "read", err)
			continue
		}
		m.Lock()
		if m.generation == generation {
			m.seen = append(m.seen, read(message))
			m.next[assigned.ID] = message.Offset + 1
		}
		m.Unlock()
	}
}

var members = map[string]*member{}

func join(request jsonlines.Request) (any, error) {
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: request.Group, Brokers: []string{brokers}, Topics: []string{request.Topic}, StartOffset: kafka.FirstOffset,
		HeartbeatInterval: 300 * time.Millisecond, SessionTimeout: 6 * time.Second, RebalanceTimeout: 6 * time.Second,
		JoinGroupBackoff: 100 * time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &member{
		group: group, topic: request.Topic, has: []int32{}, seen: []jsonlines.Record{},
		next: map[int]int64{}, stop: stop, ended: make(chan struct{}),
	}
	members[request.Member] = m
	go m.run(ctx)
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
	generation := m.generation
	offsets := map[int]int64{}
	for partition, offset := range m.next {
		offsets[partition] = offset
	}
	m.Unlock()
	if generation == nil {
		return nil, errors.New("the member is between two generations")
	}
	return nil, generation.CommitOffsets(map[string]map[int]int64{m.topic: offsets})
}

func leave(request jsonlines.Request) (any, error) {
	m := members[request.Member]
	delete(members, request.Member)
	m.stop()
	err := m.group.Close()
	<-m.ended
	return nil, err
}

var admin = &kafka.Client{
	Addr: kafka.TCP(brokers), Timeout: 30 * time.Second,
	Transport: &kafka.Transport{ClientID: "kafka-go", MetadataTTL: 100 * time.Millisecond},
}

func createTopic(request jsonlines.Request) (any, error) {
	ctx, cancel := deadline()
	defer cancel()
	topic := kafka.TopicConfig{Topic: request.Topic, NumPartitions: int(request.Partitions), ReplicationFactor: 1}
	for name, value := range request.Configs {
		topic.ConfigEntries = append(topic.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
	}
	made, err := admin.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{topic}})
	if err != nil {
		return nil, err
	}
	return nil, made.Errors[request.Topic]
}

func describeTopic(request jsonlines.Request) (any, error) {
	ctx, cancel := deadline()
	defer cancel()
	// The transport keeps what it knows of topics: a topic that is new to it may need asking again.
	for {
		found, err := admin.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{request.Topic}})
		if err != nil {
			return nil, err
		}
		if found.Topics[0].Error == nil || ctx.Err() != nil {
			return jsonlines.Described{Partitions: len(found.Topics[0].Partitions)}, found.Topics[0].Error
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func describeConfig(request jsonlines.Request) (any, error) {
	ctx, cancel := deadline()
	defer cancel()
	resource := kafka.DescribeConfigRequestResource{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: request.Topic, ConfigNames: []string{request.Name},
	}
	found, err := admin.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{resource}})
	if err != nil {
		return nil, err
	}
	return found.Resources[0].ConfigEntries[0].ConfigValue, found.Resources[0].Error
}

func alterConfig(request jsonlines.Request) (any, error) {
	ctx, cancel := deadline()
	defer cancel()
	set := kafka.IncrementalAlterConfigsRequestConfig{
		Name: request.Name, Value: request.Value, ConfigOperation: kafka.ConfigOperationSet,
	}
	resource := kafka.IncrementalAlterConfigsRequestResource{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: request.Topic,
		Configs: []kafka.IncrementalAlterConfigsRequestConfig{set},
	}
	altered, err := admin.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{resource},
	})
	if err != nil {
		return nil, err
	}
	return nil, altered.Resources[0].Error
}

func deleteTopic(request jsonlines.Request) (any, error) {
	ctx, cancel := deadline()
	defer cancel()
	deleted, err := admin.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{request.Topic}})
	if err != nil {
		return nil, err
	}
	return nil, deleted.Errors[request.Topic]
}

func lag(request jsonlines.Request) (any, error) {
	ctx, cancel := deadline()
	defer cancel()
	partitions := []int{}
	asked := []kafka.OffsetRequest{}
	for partition := range int(request.Partitions) {
		partitions = append(partitions, partition)
		asked = append(asked, kafka.LastOffsetOf(partition))
	}
	committed, err := admin.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
		GroupID: request.Group, Topics: map[string][]int{request.Topic: partitions},
	})
	if err != nil {
		return nil, err
	}
	ends, err := admin.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{request.Topic: asked}})
	if err != nil {
		return nil, err
	}
	all := []jsonlines.Lag{}
	for _, one := range committed.Topics[request.Topic] {
		for _, end := range ends.Topics[request.Topic] {
			if end.Partition == one.Partition {
				all = append(all, jsonlines.Lag{Partition: int32(one.Partition), Committed: one.CommittedOffset, End: end.LastOffset})
			}
		}
	}
	return all, committed.Error
}

func login(request jsonlines.Request) (any, error) {
	var mechanism sasl.Mechanism = plain.Mechanism{Username: request.Username, Password: request.Password}
	var err error
	switch request.Mechanism {
	case "SCRAM-SHA-256":
		mechanism, err = scram.Mechanism(scram.SHA256, request.Username, request.Password)
	case "SCRAM-SHA-512":
		mechanism, err = scram.Mechanism(scram.SHA512, request.Username, request.Password)
	}
	if err != nil {
		return nil, err
	}
	transport := &kafka.Transport{SASL: mechanism}
	defer transport.CloseIdleConnections()
	one := &kafka.Client{Addr: kafka.TCP(request.Brokers), Timeout: 10 * time.Second, Transport: transport}
	ctx, cancel := deadline()
	defer cancel()
	_, err = one.Metadata(ctx, &kafka.MetadataRequest{})
	return nil, err
}

func version(jsonlines.Request) (any, error) {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == "github.com/segmentio/kafka-go" {
			return dependency.Version[1:], nil
		}
	}
	return nil, errors.New("the version is not known")
}

func kafkaName(err error) string {
	var several kafka.WriteErrors
	if errors.As(err, &several) {
		for _, one := range several {
			if one != nil {
				err = one
			}
		}
	}
	var code kafka.Error
	if errors.As(err, &code) {
		return jsonlines.NameOf(int(code))
	}
	return ""
}

func main() {
	jsonlines.Serve(jsonlines.Ops{
		"version": version, "produce": produce, "read": readAll,
		"join": join, "seen": seen, "commit": commit, "leave": leave,
		"createTopic": createTopic, "describeTopic": describeTopic, "deleteTopic": deleteTopic,
		"login":          login,
		"describeConfig": describeConfig, "alterConfig": alterConfig, "lag": lag,
	}, kafkaName)
}
