// Package jsonlines is the loop of a driver in Go: a request per line comes in, an answer per line goes out.
package jsonlines

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Record is a record to write, or one that was read. Nil stands for a missing key or value.
type Record struct {
	Partition int32       `json:"partition"`
	Offset    int64       `json:"offset"`
	Key       *string     `json:"key"`
	Value     *string     `json:"value"`
	Headers   [][]*string `json:"headers"`
}

// Request holds the parameters of all operations.
type Request struct {
	ID              int64             `json:"id"`
	Op              string            `json:"op"`
	Topic           string            `json:"topic"`
	Records         []Record          `json:"records"`
	Compression     string            `json:"compression"`
	Idempotent      bool              `json:"idempotent"`
	Partitions      int32             `json:"partitions"`
	Count           int               `json:"count"`
	Isolation       string            `json:"isolation"`
	Member          string            `json:"member"`
	Group           string            `json:"group"`
	Protocol        string            `json:"protocol"`
	TransactionalID string            `json:"transactionalId"`
	Outcome         string            `json:"outcome"`
	Configs         map[string]string `json:"configs"`
	Name            string            `json:"name"`
	Value           string            `json:"value"`
	Brokers         string            `json:"brokers"`
	Mechanism       string            `json:"mechanism"`
	Username        string            `json:"username"`
	Password        string            `json:"password"`
}

// Lag is how far a group is in a partition.
type Lag struct {
	Partition int32 `json:"partition"`
	Committed int64 `json:"committed"`
	End       int64 `json:"end"`
}

// Seen is what a member has and has read.
type Seen struct {
	Assignment []int32  `json:"assignment"`
	Records    []Record `json:"records"`
}

// Described is a topic.
type Described struct {
	Partitions int `json:"partitions"`
}

type refusal struct {
	Kafka   *string `json:"kafka"`
	Message string  `json:"message"`
}

type answer struct {
	ID     int64    `json:"id"`
	Result any      `json:"result"`
	Error  *refusal `json:"error,omitempty"`
}

// Ops by name.
type Ops map[string]func(Request) (any, error)

var names = map[int]string{
	3:  "UNKNOWN_TOPIC_OR_PARTITION",
	10: "MESSAGE_TOO_LARGE",
	36: "TOPIC_ALREADY_EXISTS",
	40: "INVALID_CONFIG",
	42: "INVALID_REQUEST",
	58: "SASL_AUTHENTICATION_FAILED",
}

// NameOf gives Kafka's name of an error code that the scenarios meet.
func NameOf(code int) string {
	if name, ok := names[code]; ok {
		return name
	}
	return fmt.Sprintf("code %d", code)
}

// Text is the bytes as text.
func Text(bytes []byte) *string {
	if bytes == nil {
		return nil
	}
	text := string(bytes)
	return &text
}

// Bytes is the text as bytes.
func Bytes(text *string) []byte {
	if text == nil {
		return nil
	}
	return append([]byte{}, *text...)
}

// Serve answers requests until the input ends. kafkaName gives Kafka's name of an error, or nothing.
func Serve(ops Ops, kafkaName func(error) string) {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var request Request
		if err := json.Unmarshal(lines.Bytes(), &request); err != nil {
			panic(err)
		}
		reply := answer{ID: request.ID}
		run := ops[request.Op]
		err := errors.New("there is no " + request.Op)
		if run != nil {
			reply.Result, err = run(request)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, request.Op, err)
			reply.Result = nil
			reply.Error = &refusal{Message: err.Error()}
			if name := kafkaName(err); name != "" {
				reply.Error.Kafka = &name
			}
		}
		line, err := json.Marshal(reply)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(line))
	}
}
