import { S3Client } from '@aws-sdk/client-s3';
// import { KMSClient } from '@aws-sdk/client-kms';
export const s3 = new S3Client({});
