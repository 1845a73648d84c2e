import { Injectable } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';

@Injectable()
export class CleanupService {
  @Cron(CronExpression.EVERY_DAY_AT_3AM)
  async dropExpiredInvites() {
    await this.invites.deleteExpired();
  }
}
