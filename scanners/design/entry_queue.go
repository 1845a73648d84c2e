package design

import (
	"go/ast"
	"strings"
)

// goQueues are the functions of packages of Go that begin to send or receive messages.
var goQueues = []struct{ pkg, name *lazyRegexp }{
	{rex(`segmentio/kafka-go`), rex(`^New(Reader|Writer|Consumer\w*|Producer)$|^(Reader|Writer)$`)},
	{rex(`confluent-kafka-go`), rex(`^New(Consumer|Producer)$`)},
	{rex(`(shopify|ibm)/sarama`), rex(`^New(ConsumerGroup|Consumer|SyncProducer|AsyncProducer)\w*$`)},
	{rex(`twmb/franz-go/pkg/kgo`), rex(`^NewClient$`)},
	{rex(`nats-io/(nats|stan)`), rex(`^Connect$|^New$`)},
	{rex(`cloud\.google\.com/go/pubsub`), rex(`^NewClient\w*$`)},
	{rex(`aws-sdk-go(-v2)?/service/(sqs|sns|kinesis|eventbridge)$`), rex(`^New(FromConfig)?$`)},
	{rex(`amqp`), rex(`^Dial\w*$`)},
	{rex(`hibiken/asynq`), rex(`^New(Server|Client)$`)},
	{rex(`nsqio/go-nsq`), rex(`^New(Consumer|Producer)$`)},
	{rex(`eclipse/paho`), rex(`^NewClient$`)},
	{rex(`azservicebus`), rex(`^NewClient\w*$`)},
	{rex(`gocloud\.dev/pubsub`), rex(`^Open(Subscription|Topic)$`)},
}

var (
	javaQueue = rex(`@(?P<call>KafkaListener|RabbitListener|SqsListener|JmsListener|PulsarListener|StreamListener|ServiceBusListener|Incoming|Outgoing|KafkaHandlerTopic)(?P<open>\()|\bnew\s+(?P<new>KafkaConsumer|KafkaProducer)<`)
	jsQueue   = rex(`@(?P<at>EventPattern|MessagePattern|RabbitSubscribe|SqsMessageHandler|Processor)(?P<open>\()|\bnew\s+(?P<new>Kafka|SQSClient|SNSClient|PubSub|ServiceBusClient|EventBridgeClient|KinesisClient)(?P<args>\()|\.(?P<call>assertQueue|assertExchange)(?P<queue>\()|\bamqp(?:lib)?\.(?P<dial>connect)(?P<url>\()`)
	jsQueues  = rex(`kafkajs|@confluentinc/kafka|@aws-sdk/client-(sqs|sns|eventbridge|kinesis)|amqplib|@google-cloud/pubsub|@azure/service-bus|@nestjs/(microservices|bullmq|bull)|golevelup|nestjs-sqs`)
	pyQueue   = rex(`\b(?P<call>(?:AIO)?Kafka(?:Consumer|Producer)|basic_consume|queue_declare|(?:pubsub_v1\.)?(?:Publisher|Subscriber)Client|ServiceBusClient)(?P<open>\()|\b(?:boto3|session|aioboto3|\w*session)\.(?P<boto>client|resource)(?P<args>\()\s*(?:service_name\s*=\s*)?["'](?P<service>sqs|sns|kinesis|events)["']|\bpika\.(?P<pika>BlockingConnection|SelectConnection)(?P<url>\()|\bconfluent_kafka\.(?P<confluent>Consumer|Producer)\(`)
	csQueue   = rex(`\bnew\s+(?P<new>(?:Consumer|Producer)Builder<[^>\n]*>|ServiceBusClient|ServiceBusProcessor)(?P<open>\()|\bclass\s+(?P<class>\w+)[^{;\n]*:\s*[^{;\n]*\b(?P<handler>IConsumer|IIntegrationEventHandler|IHandleMessages)<(?P<event>\w+)>|\bAddSubscription<(?P<sub>[\w, ]+)>|\[(?P<trigger>ServiceBusTrigger|QueueTrigger|KafkaTrigger|RabbitMQTrigger|EventHubTrigger)(?P<args>\()`)
	rbQueue   = rex(`\b(?P<new>Bunny\.new|Rdkafka::Config\.new|Aws::SQS::Client\.new|Aws::SNS::Client\.new|Google::Cloud::Pubsub\.new|Kafka\.new)\b|^\s*(?P<sub>subscribes_to|from_queue)\b\s*(?P<name>[^\n]*)`)
	phpQueue  = rex(`\bnew\s+(?P<new>SqsClient|SnsClient|AMQPStreamConnection|RdKafka\\(?:Consumer|KafkaConsumer|Producer)|KafkaConsumer)\b|->(?P<call>queue_declare|basic_consume)(?P<open>\()`)
	rsQueue   = rex(`\b(?P<call>StreamConsumer|FutureProducer|async_nats::connect|aws_sdk_sqs::Client::new|lapin::Connection::connect)\b`)

	// asyncAPI finds the topic in the arguments.
	topicName = rex(`(?:topics?|queues?|queueNames|destination|Topic|Queue|channel|name)\s*[:=]\s*[\[{]*\s*["']([^"'\n]+)["']`)
)

// queues reads where code begins to take or send messages.
func queues(s *source) {
	if s.class != production {
		return
	}
	switch s.language {
	case golang:
		goQueue(s)
	case java:
		s.messages(javaQueue)
	case javascript:
		if jsQueues.Match(s.code()) {
			s.messages(jsQueue)
		}
	case python:
		s.messages(pyQueue)
	case csharp:
		s.messages(csQueue)
	case ruby:
		s.messages(rbQueue)
	case php:
		s.messages(phpQueue)
	case rust:
		for _, h := range s.hits(rsQueue) {
			if line := strings.TrimSpace(s.line(h.line())); !strings.HasPrefix(line, "use ") {
				s.add("message-consumer", h.group("call"), h.line())
			}
		}
	}
}

// messages adds the matches of a pattern: the call, and the topic that its arguments name.
func (s *source) messages(re *lazyRegexp) {
	for _, h := range s.hits(re) {
		call := first(h, "call", "at", "new", "pika", "confluent", "trigger", "sub", "handler", "service", "dial")
		topic := first(h, "event", "name")
		if at := max(h.offset("open"), h.offset("args"), h.offset("queue"), h.offset("url")); at >= 0 {
			text, _ := s.inner(at)
			if h.re.SubexpIndex("boto") < 0 || h.group("boto") == "" {
				topic = topicOf(text)
			}
		}
		line := s.line(h.line())
		if strings.HasPrefix(strings.TrimSpace(line), "import") || call == "" {
			continue
		}
		s.add("message-consumer", strings.TrimSpace(call+" "+topic), h.line(), with("call", call), with("topic", topic))
	}
}

// topicOf returns the topic or queue in arguments; "" if they name none.
func topicOf(args string) string {
	if m := topicName.FindStringSubmatch(args); m != nil {
		return m[1]
	}
	parts := splitTop(args)
	if len(parts) == 0 {
		return ""
	}
	if t, ok := literalOf(parts[0]); ok && !strings.Contains(t, "://") {
		return t
	}
	return ""
}

func goQueue(s *source) {
	g := s.goFile()
	constants := goConstants(g.file)
	packageCalls(g, func(c packageCall, lit *ast.CompositeLit) {
		if c.call != nil && (c.name == "QueueDeclare" || c.name == "ExchangeDeclare") && len(c.call.Args) > 3 {
			name, _ := goText(c.call.Args[0], constants)
			s.add("message-consumer", strings.TrimSpace(c.name+" "+name), g.line(c.call.Pos()), with("call", c.name), with("topic", name))
			return
		}
		if c.pkg == "" {
			return
		}
		for _, q := range goQueues {
			if !q.pkg.MatchString(strings.ToLower(c.pkg)) || !q.name.MatchString(c.name) {
				continue
			}
			at, topic := 0, ""
			if lit != nil {
				at = g.line(lit.Pos())
			} else {
				at, topic = g.line(c.call.Pos()), goTopic(c.call, constants)
			}
			s.add("message-consumer", strings.TrimSpace(c.name+" "+topic), at, with("call", c.name), with("topic", topic))
			return
		}
	})
}

// goTopic returns the topic in the arguments of a call.
func goTopic(call *ast.CallExpr, constants map[string]string) (topic string) {
	ast.Inspect(call, func(n ast.Node) bool {
		if kv, ok := n.(*ast.KeyValueExpr); ok && (goName(kv.Key) == "Topic" || goName(kv.Key) == "GroupTopics" || goName(kv.Key) == "Queue") {
			topic, _ = goText(kv.Value, constants)
		}
		return topic == ""
	})
	return topic
}
