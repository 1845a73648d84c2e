from kafka import KafkaConsumer
text = "KafkaConsumer('orders')"
