package queue

import (
	"github.com/nats-io/nats.go"
	"github.com/segmentio/kafka-go"
)

const topic = "orders"

func open(ch channel) {
	kafka.NewReader(kafka.ReaderConfig{Topic: topic})
	nats.Connect(url)
	ch.QueueDeclare("mails", true, false, false, false, nil)
}
