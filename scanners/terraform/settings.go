package terraform

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
)

// A setting is an attribute with certain values that are always wrong.
type setting struct {
	rule  infra.Rule
	kinds []string // types of resources
	path  string   // of the attribute, including its blocks: "block.attribute"
	bad   []any    // booleans, or strings, which are compared without regard to case
	good  string   // the replacement, as HCL, or empty if none is certainly right
	what  string   // ends the sentence that begins with the resource's address
}

const oldTLS = "accepts an outdated version of TLS."

var (
	webApps = []string{"azurerm_linux_web_app", "azurerm_windows_web_app", "azurerm_linux_function_app", "azurerm_windows_function_app"}
	slots   = []string{"azurerm_linux_web_app_slot", "azurerm_windows_web_app_slot", "azurerm_linux_function_app_slot", "azurerm_windows_function_app_slot"}
	oldApps = []string{"azurerm_app_service", "azurerm_function_app"}
)

var settings = []setting{
	{publicDatabase, []string{"aws_db_instance", "aws_rds_cluster_instance", "aws_redshift_cluster", "aws_dms_replication_instance", "aws_docdb_cluster_instance", "aws_neptune_cluster_instance"},
		"publicly_accessible", []any{true}, "false", "gets an address on the internet."},
	{encryption, []string{"aws_db_instance", "aws_rds_cluster", "aws_docdb_cluster", "aws_neptune_cluster"}, "storage_encrypted", []any{false}, "true", "stores its data unencrypted."},
	{encryption, []string{"aws_ebs_volume", "aws_efs_file_system", "aws_redshift_cluster", "aws_fsx_openzfs_file_system"}, "encrypted", []any{false}, "true", "stores its data unencrypted."},
	{encryption, []string{"aws_instance", "aws_launch_configuration"}, "root_block_device.encrypted", []any{false}, "true", "has an unencrypted disk."},
	{encryption, []string{"aws_instance", "aws_launch_configuration"}, "ebs_block_device.encrypted", []any{false}, "true", "has an unencrypted disk."},
	{encryption, []string{"aws_launch_template"}, "block_device_mappings.ebs.encrypted", []any{false}, "true", "has an unencrypted disk."},
	{encryption, []string{"aws_elasticache_replication_group"}, "at_rest_encryption_enabled", []any{false}, "true", "stores its data unencrypted."},
	{encryption, []string{"azurerm_managed_disk"}, "encryption_settings.enabled", []any{false}, "", "is not encrypted by Azure Disk Encryption."},
	{accessBlock, []string{"aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block"}, "block_public_acls", []any{false}, "true", "allows public ACLs."},
	{accessBlock, []string{"aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block"}, "block_public_policy", []any{false}, "true", "allows public policies."},
	{accessBlock, []string{"aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block"}, "ignore_public_acls", []any{false}, "true", "does not ignore public ACLs."},
	{accessBlock, []string{"aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block"}, "restrict_public_buckets", []any{false}, "true", "does not restrict access to a public bucket."},
	{publicBucket, []string{"aws_s3_bucket", "aws_s3_bucket_acl"}, "acl", []any{"public-read", "public-read-write", "authenticated-read", "website"}, "", "is open to everybody through its ACL."},
	{publicBucket, []string{"azurerm_storage_container"}, "container_access_type", []any{"blob", "container"}, `"private"`, "lets everybody read its blobs."},
	{publicBucket, []string{"azurerm_storage_account"}, "allow_blob_public_access", []any{true}, "false", "lets containers be public."},
	{publicBucket, []string{"azurerm_storage_account"}, "allow_nested_items_to_be_public", []any{true}, "false", "lets containers be public."},
	{rotation, []string{"aws_kms_key"}, "enable_key_rotation", []any{false}, "true", "is never rotated."},
	{imds, []string{"aws_instance", "aws_launch_template", "aws_launch_configuration"}, "metadata_options.http_tokens", []any{"optional"}, `"required"`, "gives out its metadata without a token."},
	{plainHTTP, []string{"azurerm_storage_account"}, "enable_https_traffic_only", []any{false}, "true", "can be used over plain HTTP."},
	{plainHTTP, []string{"azurerm_storage_account"}, "https_traffic_only_enabled", []any{false}, "true", "can be used over plain HTTP."},
	{plainHTTP, []string{"azurerm_mysql_server", "azurerm_postgresql_server", "azurerm_mariadb_server"}, "ssl_enforcement_enabled", []any{false}, "true", "can be used without encryption."},
	{plainHTTP, []string{"azurerm_mysql_server", "azurerm_postgresql_server", "azurerm_mariadb_server"}, "ssl_enforcement", []any{"Disabled"}, `"Enabled"`, "can be used without encryption."},
	{plainHTTP, slices.Concat(oldApps, webApps), "https_only", []any{false}, "true", "can be used over plain HTTP."},
	{plainHTTP, []string{"aws_cloudfront_distribution"}, "default_cache_behavior.viewer_protocol_policy", []any{"allow-all"}, `"redirect-to-https"`, "can be used over plain HTTP."},
	{weakTLS, []string{"azurerm_storage_account"}, "min_tls_version", []any{"TLS1_0", "TLS1_1"}, `"TLS1_2"`, oldTLS},
	{weakTLS, []string{"azurerm_mysql_server", "azurerm_postgresql_server", "azurerm_mariadb_server"},
		"ssl_minimal_tls_version_enforced", []any{"TLS1_0", "TLS1_1", "TLSEnforcementDisabled"}, `"TLS1_2"`, oldTLS},
	{weakTLS, []string{"azurerm_mssql_server"}, "minimum_tls_version", []any{"1.0", "1.1", "Disabled"}, `"1.2"`, oldTLS},
	{weakTLS, []string{"azurerm_mssql_managed_instance", "azurerm_redis_cache", "azurerm_eventhub_namespace", "azurerm_servicebus_namespace"},
		"minimum_tls_version", []any{"1.0", "1.1"}, `"1.2"`, oldTLS},
	{weakTLS, []string{"azurerm_cosmosdb_account"}, "minimal_tls_version", []any{"Tls", "Tls11"}, `"Tls12"`, oldTLS},
	{weakTLS, slices.Concat(webApps, slots),
		"site_config.minimum_tls_version", []any{"1.0", "1.1"}, `"1.2"`, oldTLS},
	{weakTLS, oldApps, "site_config.min_tls_version", []any{"1.0", "1.1"}, `"1.2"`, oldTLS},
	{weakTLS, []string{"aws_cloudfront_distribution"}, "viewer_certificate.minimum_protocol_version", []any{"SSLv3", "TLSv1", "TLSv1_2016", "TLSv1.1_2016"}, `"TLSv1.2_2021"`, oldTLS},
	{weakTLS, []string{"aws_lb_listener", "aws_alb_listener"}, "ssl_policy",
		[]any{"ELBSecurityPolicy-2015-05", "ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-TLS-1-0-2015-04", "ELBSecurityPolicy-TLS-1-1-2017-01", "ELBSecurityPolicy-FS-2018-06", "ELBSecurityPolicy-FS-1-1-2019-08"},
		`"ELBSecurityPolicy-TLS13-1-2-2021-06"`, oldTLS},
	{weakTLS, []string{"aws_elasticsearch_domain", "aws_opensearch_domain"}, "domain_endpoint_options.tls_security_policy", []any{"Policy-Min-TLS-1-0-2019-07"}, `"Policy-Min-TLS-1-2-2019-07"`, oldTLS},
	{weakTLS, []string{"google_compute_ssl_policy"}, "min_tls_version", []any{"TLS_1_0", "TLS_1_1"}, `"TLS_1_2"`, oldTLS},
	{auditLog, []string{"aws_cloudtrail"}, "enable_logging", []any{false}, "true", "writes no log."},
	{auditLog, []string{"aws_cloudtrail"}, "enable_log_file_validation", []any{false}, "true", "does not protect its log against changes."},
	{auditLog, []string{"aws_cloudtrail"}, "is_multi_region_trail", []any{false}, "true", "records one region only."},
	{ipForwarding, []string{"google_compute_instance", "google_compute_instance_template", "google_compute_region_instance_template", "google_compute_instance_from_template"},
		"can_ip_forward", []any{true}, "false", "may send and receive packets with the addresses of other machines."},
	{clusterAccess, []string{"azurerm_kubernetes_cluster"}, "role_based_access_control_enabled", []any{false}, "", "has no role-based access control."},
	{clusterAccess, []string{"azurerm_kubernetes_cluster"}, "role_based_access_control.enabled", []any{false}, "", "has no role-based access control."},
	{clusterAccess, []string{"google_container_cluster"}, "enable_legacy_abac", []any{true}, "false", "uses legacy authorization."},
}

// degrees ranks the bad values, in lower case, of settings that have several.
var degrees = map[string][]scanners.Extent{
	"authenticated-read": {{Of: "read", To: 1}},
	"public-read":        {{Of: "read", To: 2}},
	"website":            {{Of: "read", To: 2}},
	"public-read-write":  {{Of: "read", To: 2}, {Of: "write", To: 2}},

	"blob":      {{Of: "read", To: 1}},
	"container": {{Of: "read", To: 2}}, // and list them

	"tls11": {{Of: "version", To: 1}}, "tls": {{Of: "version", To: 2}}, "tlsenforcementdisabled": {{Of: "version", To: 4}},
	"tls1_1": {{Of: "version", To: 1}}, "tls_1_1": {{Of: "version", To: 1}}, "1.1": {{Of: "version", To: 1}}, "tlsv1.1_2016": {{Of: "version", To: 1}},
	"tls1_0": {{Of: "version", To: 2}}, "tls_1_0": {{Of: "version", To: 2}}, "1.0": {{Of: "version", To: 2}}, "1": {{Of: "version", To: 2}}, "tlsv1": {{Of: "version", To: 3}}, "tlsv1_2016": {{Of: "version", To: 2}},
	"sslv3": {{Of: "version", To: 4}}, "disabled": {{Of: "version", To: 4}},

	"elbsecuritypolicy-tls-1-1-2017-01": {{Of: "version", To: 1}}, "elbsecuritypolicy-fs-1-1-2019-08": {{Of: "version", To: 1}},
	"elbsecuritypolicy-2016-08": {{Of: "version", To: 2}}, "elbsecuritypolicy-2015-05": {{Of: "version", To: 2}}, "elbsecuritypolicy-fs-2018-06": {{Of: "version", To: 2}},
	"elbsecuritypolicy-tls-1-0-2015-04": {{Of: "version", To: 3}}, // and DES
}

func (c *checker) settings(at block) {
	for _, s := range settings {
		if !slices.Contains(s.kinds, at.kind) {
			continue
		}
		bodies, name := at.body.along(s.path)
		for _, b := range bodies {
			if a := b.Attributes[name]; a != nil && s.wrong(b.get(name)) && !excused(at, b) && !implied(s, b) {
				c.setting(s, at, b, a)
			}
		}
	}
}

// along returns the bodies that a path of blocks leads to, and the name of the attribute at its end.
func (b body) along(path string) (bodies []body, name string) {
	steps := strings.Split(path, ".")
	bodies = []body{b}
	for _, step := range steps[:len(steps)-1] {
		var inner []body
		for _, b := range bodies {
			inner = append(inner, b.blocks(step)...)
		}
		bodies = inner
	}
	return bodies, steps[len(steps)-1]
}

func (c *checker) setting(s setting, at block, b body, a *hclsyntax.Attribute) {
	f := c.add(s.rule, at, a.SrcRange, s.what, s.path)
	if value, ok := text(b.get(a.Name)); ok {
		f.Extents = degrees[strings.ToLower(value)]
	}
	where := a.Expr.Range()
	if s.good == "" || where.Start.Line != where.End.Line || varies(a.Expr) || s.path == "ssl_enforcement_enabled" && b.get("ssl_minimal_tls_version_enforced") == "TLSEnforcementDisabled" {
		return // one edit is not certainly right
	}
	f.Fixes = infra.Replace(c.path, where.Start.Line, where.Start.Column, where.End.Column, s.good)
}

// varies reports whether an expression refers to something, such as an iterator, so that to replace it is
// not certainly right.
func varies(e hclsyntax.Expression) bool { return len(e.Variables()) > 0 }

// wrong reports whether a value is one of the bad ones, by the language's rules for conversions. A number
// for a text, such as 1.0 for "1.0", is compared as a number.
func (s setting) wrong(value any) bool {
	return slices.ContainsFunc(s.bad, func(bad any) bool {
		switch bad := bad.(type) {
		case bool:
			have, ok := truth(value)
			return ok && have == bad
		case string:
			if have, ok := value.(float64); ok {
				want, err := strconv.ParseFloat(bad, 64)
				return err == nil && have == want
			}
			have, ok := text(value)
			return ok && strings.EqualFold(bad, have)
		}
		return false
	})
}

// implied reports whether the value has to be this one because of another setting, which is reported.
func implied(s setting, b body) bool {
	enforced, ok := truth(b.get("ssl_enforcement_enabled"))
	return s.path == "ssl_minimal_tls_version_enforced" && b.get(s.path) == "TLSEnforcementDisabled" && ok && !enforced
}

// excused reports whether the settings of a block have no effect: its metadata is switched off, its key cannot be
// rotated, or its database is always encrypted.
func excused(at block, b body) bool {
	switch at.kind {
	case "aws_kms_key":
		return !rotates(b)
	case "aws_rds_cluster":
		mode, _ := b.get("engine_mode").(string)
		return strings.EqualFold(mode, "serverless")
	}
	endpoint, _ := b.get("http_endpoint").(string)
	return endpoint == "disabled"
}

// rotates reports whether KMS can rotate a key by itself: it is symmetric and its material is KMS's own.
func rotates(b body) bool {
	for _, name := range []string{"customer_master_key_spec", "key_usage", "key_spec"} {
		if b.attribute(name) != nil {
			spec, _ := b.get(name).(string)
			if spec != "SYMMETRIC_DEFAULT" && spec != "ENCRYPT_DECRYPT" {
				return false
			}
		}
	}
	return !b.has("custom_key_store_id")
}
