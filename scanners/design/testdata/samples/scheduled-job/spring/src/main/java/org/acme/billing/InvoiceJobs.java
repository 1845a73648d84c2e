package org.acme.billing;

import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Component;

@Component
public class InvoiceJobs {
    @Scheduled(cron = "${billing.reminder.cron:0 0 7 * * *}")
    public void sendReminders() {
    }
}
