package queue

import "example.com/kafka"

func open() { kafka.NewReader(nil) }
