package design

import (
	"maps"
	"slices"
	"strings"
)

// terraform adds the facts of Terraform configuration.
func terraform(s *source) {
	root := s.hclFile()
	if root == nil {
		return
	}
	blocks := tfBlocks(root)
	t := tfFile{source: s, blocks: blocks}
	for _, b := range blocks {
		t.frontDoor(b)
		t.store(b)
		t.encryptionOff(b)
		t.public(b)
		t.identity(b)
		t.broad(b)
		t.unit(b)
		t.restriction(b)
	}
}

// A tfFile is a file of Terraform.
type tfFile struct {
	*source
	blocks []tfBlock
}

// frontDoors are the types of resources that callers from the internet reach.
var frontDoors = rex(`^(aws_apigatewayv2_api|aws_api_gateway_rest_api|aws_lambda_function_url|aws_cloudfront_distribution|aws_apprunner_service|aws_appsync_graphql_api|aws_globalaccelerator_accelerator` +
	`|google_cloud_run(_v2)?_service|google_compute_global_forwarding_rule|google_api_gateway_gateway|google_cloudfunctions2?_function|google_app_engine_(standard|flexible)_app_version` +
	`|azurerm_public_ip|azurerm_(linux|windows)_web_app|azurerm_(linux|windows)_function_app|azurerm_app_service|azurerm_api_management|azurerm_application_gateway|azurerm_(cdn_)?frontdoor(_profile|_endpoint)?|azurerm_container_app)$`)

func (t tfFile) frontDoor(b tfBlock) {
	if !frontDoors.MatchString(b.kind) || b.internal() {
		return
	}
	var options []option
	if because := b.guarded(); because != "" {
		options = append(options, closed(because))
	}
	t.add("iac-entrypoint", b.address, b.line, options...)
}

// internal reports whether a front door says itself that the internet does not reach it.
func (b tfBlock) internal() bool {
	switch {
	case strings.HasPrefix(strings.TrimPrefix(b.get("ingress"), "INGRESS_TRAFFIC_"), "INTERNAL"), strings.HasPrefix(b.get("ingress_settings"), "ALLOW_INTERNAL"),
		strings.HasPrefix(b.get("load_balancing_scheme"), "INTERNAL"), b.value("load_balancing_scheme") == "", b.get("public_network_access_enabled") == "false", strings.HasPrefix(b.get("visibility"), "PRIVATE"):
		return true
	case b.kind == "azurerm_container_app":
		ingress := b.inner("ingress")
		return len(ingress) == 0 || !slices.ContainsFunc(ingress, func(i tfBlock) bool { return i.get("external_enabled") == "true" })
	case strings.HasPrefix(b.kind, "google_cloudfunctions"):
		return b.has("event_trigger") || len(b.inner("event_trigger")) > 0
	}
	for _, e := range b.inner("endpoint_configuration") {
		if slices.Equal(e.all("types"), []string{"PRIVATE"}) {
			return true
		}
	}
	return false
}

// guarded returns what authenticates or filters the callers of a front door in its own resource, or "".
func (b tfBlock) guarded() string {
	switch {
	case b.get("authorization_type") == "AWS_IAM":
		return "the resource lets only callers with an IAM identity in"
	case b.has("web_acl_id", "web_application_firewall_policy_link_id", "firewall_policy_id"):
		return "a web application firewall is attached to the resource"
	case b.kind == "aws_appsync_graphql_api" && b.has("authentication_type") && b.get("authentication_type") != "API_KEY":
		return "the resource names how callers authenticate"
	}
	for _, settings := range append(b.inner("auth_settings_v2"), b.inner("auth_settings")...) {
		if settings.get("auth_enabled") == "true" || settings.get("require_authentication") == "true" || settings.get("enabled") == "true" {
			return "the resource requires callers to sign in"
		}
	}
	return ""
}

// tfStores are the types of resources that hold data, with what they are.
var tfStores = []struct {
	re   *lazyRegexp
	kind string
}{
	{rex(`^aws_(db_instance|rds_cluster|rds_global_cluster|redshift_cluster|redshiftserverless_namespace|docdb_cluster|neptune_cluster|memorydb_cluster|timestreamwrite_(database|table)|keyspaces_table|dsql_cluster|lightsail_database)$`), "database"},
	{rex(`^aws_dynamodb_(table|global_table)$`), "table"},
	{rex(`^aws_(elasticache_(cluster|replication_group|serverless_cache))$`), "cache"},
	{rex(`^aws_(s3_bucket|s3_directory_bucket|s3tables_table_bucket|efs_file_system|fsx_\w+_file_system|glacier_vault|lightsail_bucket)$`), "bucket"},
	{rex(`^aws_(elasticsearch_domain|opensearch_domain|opensearchserverless_collection|cloudsearch_domain)$`), "search"},
	{rex(`^aws_(sqs_queue|sns_topic|kinesis_stream|kinesis_firehose_delivery_stream|mq_broker|msk_cluster|msk_serverless_cluster|cloudwatch_event_bus)$`), "queue"},
	{rex(`^google_(sql_database_instance|spanner_instance|bigtable_instance|alloydb_cluster|bigquery_dataset|firestore_database|datastream_stream)$`), "database"},
	{rex(`^google_(storage_bucket|filestore_instance)$`), "bucket"},
	{rex(`^google_(redis_instance|redis_cluster|memcache_instance|memorystore_instance)$`), "cache"},
	{rex(`^google_(pubsub_topic|cloud_tasks_queue)$`), "queue"},
	{rex(`^azurerm_(storage_account|storage_container|storage_data_lake_gen2_filesystem)$`), "bucket"},
	{rex(`^azurerm_(mssql_(server|database|managed_instance)|sql_(server|database)|mysql(_flexible)?_server|postgresql(_flexible)?_server|mariadb_server|cosmosdb_account|cosmosdb_postgresql_cluster|kusto_cluster|synapse_workspace)$`), "database"},
	{rex(`^azurerm_(redis_cache|managed_redis|redis_enterprise_cluster)$`), "cache"},
	{rex(`^azurerm_(servicebus_(namespace|queue|topic)|eventhub_namespace|eventhub|eventgrid_topic|storage_queue)$`), "queue"},
	{rex(`^azurerm_search_service$`), "search"},
	{rex(`^(digitalocean_(database_cluster|spaces_bucket)|mongodbatlas_(cluster|advanced_cluster|serverless_instance|flex_cluster)|cloudflare_(r2_bucket|d1_database|workers_kv_namespace|workers_kv|queue)|scaleway_(rdb_instance|object_bucket|redis_cluster)|hcloud_volume|linode_(database_\w+|object_storage_bucket)|exoscale_(database|dbaas|sos_bucket)|aiven_(pg|mysql|kafka|redis|valkey|opensearch|clickhouse|cassandra)|confluent_kafka_(cluster|topic)|kafka_topic|snowflake_(database|table)|databricks_catalog|upstash_(redis_database|kafka_cluster)|neon_project|planetscale_database|supabase_project|vultr_database|oci_(database_\w+|objectstorage_bucket|mysql_mysql_db_system)|minio_s3_bucket|openstack_(db_instance_v1|objectstorage_container_v1))$`), "store"},
}

// tfStoreModules match the sources of well-known modules that are a store.
var tfStoreModules = rex(`(?i)(?:^|/)(?:terraform-(?:aws|google|azurerm)-)?(rds|rds-aurora|dynamodb-table|s3-bucket|elasticache|elasticache-redis|sqs|sns|msk-kafka-cluster|opensearch|memory-db|efs|redshift|sql-db|cloud-storage|memorystore|pubsub|bigquery|cloudsql-instance|gcs|documentdb-cluster|dynamodb)(?:/(?:aws|google|azurerm|modules/[\w-]+))?/?(?:\.git)?(?:\?.*|//.*)?$`)

func (t tfFile) store(b tfBlock) {
	kind := tfStoreKind(b)
	if kind == "" || b.has("replicate_source_db", "replication_source_identifier", "master_instance_name") || b.get("cluster_type") == "SECONDARY" {
		return // a replica has the data of its source
	}
	if kind == "queue" && notices.MatchString(b.name()) {
		return
	}
	options := []option{with("kind", kind)}
	if because := b.protected(kind); because != "" {
		options = append(options, closed(because))
	}
	t.add("datastore", b.address, b.line, options...)
}

// notices match the names of topics that only carry alarms about the infrastructure.
var notices = rex(`(?i)(^|[-_])(alarms?|alerts?|alerting|pagerduty|slack|failures?|health|billing_alarm|cloudwatch|monitoring|heartbeat|clock|schedule|scheduler|cron|tick|scan)([-_]|$)`)

func tfStoreKind(b tfBlock) string {
	if b.kind == "module" {
		if from := b.get("source"); !strings.HasPrefix(from, ".") {
			if m := tfStoreModules.FindStringSubmatch(from); m != nil {
				return strings.ToLower(m[1])
			}
		}
		return ""
	}
	for _, s := range tfStores {
		if s.re.MatchString(b.kind) {
			return s.kind
		}
	}
	return ""
}

// protected returns what the resource itself says about encryption and backups, or "" if that is not both. A store
// without backups, such as a queue, needs only a key of its own.
func (b tfBlock) protected(kind string) string {
	encrypted := b.get("storage_encrypted") == "true" || b.get("encrypted") == "true" || b.get("at_rest_encryption_enabled") == "true" ||
		b.has("kms_key_id", "kms_master_key_id", "kms_key_arn", "kms_key_name", "encryption_key_name")
	for _, name := range []string{"server_side_encryption", "encryption", "encrypt_at_rest", "encryption_configuration", "default_encryption_configuration", "server_side_encryption_configuration"} {
		for _, in := range b.inner(name) {
			encrypted = encrypted || in.get("enabled") != "false"
		}
	}
	if !encrypted {
		return ""
	}
	backup := b.get("deletion_protection") == "true" || b.has("backup_retention_period") && b.get("backup_retention_period") != "0"
	for _, name := range []string{"point_in_time_recovery", "versioning", "backup_configuration"} {
		for _, in := range b.inner(name) {
			backup = backup || in.get("enabled") == "true"
		}
	}
	switch {
	case backup:
		return "the resource sets encryption and backups"
	case kind == "queue":
		return "the resource sets encryption with a key"
	}
	return ""
}

// encryptionOff are attributes that switch off the encryption of data at rest or on its way.
var encryptionOff = rex(`^(encrypted|storage_encrypted|(at_rest|transit|encryption_at_rest|disk|volume)_?encryption_enabled|encryption_enabled|enable_encryption|encrypt_at_rest|sqs_managed_sse_enabled|` +
	`node_to_node_encryption|encryption_at_host_enabled|data_encryption_enabled|ssl_enforcement_enabled)$`)

func (t tfFile) encryptionOff(b tfBlock) {
	if strings.HasPrefix(b.kind, "data.") {
		return
	}
	for _, in := range b.within() {
		for _, name := range slices.Sorted(maps.Keys(in.Attributes)) {
			if encryptionOff.MatchString(name) && in.get(name) == "false" && !b.has("kms_master_key_id") {
				t.add("iac-encryption-off", b.address, in.at(name), named(b.address+" ("+name+")"))
			}
		}
	}
	for _, name := range []string{"encrypt_at_rest", "node_to_node_encryption", "encryption_info"} {
		for _, in := range b.inner(name) {
			if in.get("enabled") == "false" {
				t.add("iac-encryption-off", b.address, in.at("enabled"), named(b.address+" ("+name+")"))
			}
		}
	}
}

// tfUnits are the types of resources that run a program of the team.
var tfUnits = rex(`^(aws_lambda_function|aws_ecs_service|aws_apprunner_service|aws_elastic_beanstalk_environment|aws_batch_job_definition` +
	`|google_cloud_run(_v2)?_(service|job)|google_cloudfunctions2?_function|google_app_engine_(standard|flexible)_app_version` +
	`|azurerm_(linux|windows)_(web|function)_app|azurerm_function_app|azurerm_app_service|azurerm_container_app(_job)?|azurerm_container_group` +
	`|kubernetes_(deployment|stateful_set|daemonset|cron_job)(_v1)?|cloudflare_workers?_script|nomad_job|fly_app|heroku_app|digitalocean_app)$`)

func (t tfFile) unit(b tfBlock) {
	if tfUnits.MatchString(b.kind) {
		t.add("new-deployable", b.address, b.line)
	}
}

// restriction adds evidence of what keeps callers from a resource.
func (t tfFile) restriction(b tfBlock) {
	if tfRestrictions.MatchString(b.kind) {
		t.add(NetworkRestriction, b.address, b.line)
	}
}

var tfRestrictions = rex(`^(kubernetes_network_policy(_v1)?|google_compute_security_policy|aws_wafv2_web_acl_association|azurerm_web_application_firewall_policy)$`)
