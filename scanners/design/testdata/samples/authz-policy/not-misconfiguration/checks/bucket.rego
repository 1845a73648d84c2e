package builtin.aws.s3

deny[res] {
	bucket := input.aws.s3.buckets[_]
	not bucket.encryption.enabled
	res := result.new("not encrypted", bucket)
}
