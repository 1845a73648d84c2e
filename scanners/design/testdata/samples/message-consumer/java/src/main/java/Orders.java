class Orders {
    @KafkaListener(topics = "orders", groupId = "billing")
    void on(Order o) {}

    @RabbitListener(queues = "mails")
    void mail(Mail m) {}
}
