import type { Kafka } from "kafkajs";
// new Kafka({})
export type Q = Kafka;
