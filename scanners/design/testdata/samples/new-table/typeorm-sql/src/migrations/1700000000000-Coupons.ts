import { MigrationInterface, QueryRunner } from 'typeorm';

export class Coupons1700000000000 implements MigrationInterface {
  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE TABLE "coupon" ("id" uuid NOT NULL, "code" character varying NOT NULL)`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE TABLE "voucher" ("id" uuid NOT NULL)`);
  }
}
