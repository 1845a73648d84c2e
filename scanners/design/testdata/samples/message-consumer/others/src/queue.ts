import { Kafka } from "kafkajs";
const kafka = new Kafka({ brokers });
