package design

import (
	"maps"
	"slices"
	"strings"
)

// public adds what a resource opens to the internet. Its key is the address and what is open.
func (t tfFile) public(b tfBlock) {
	if strings.HasPrefix(b.kind, "data.") && b.kind != "data.aws_iam_policy_document" {
		return
	}
	open := b.openings()
	for _, what := range slices.Sorted(maps.Keys(open)) {
		t.add("iac-public", b.address+" "+what, open[what], with("what", what))
	}
}

// openings returns what is open, with the line that says so.
func (b tfBlock) openings() map[string]int {
	open := map[string]int{}
	add := func(what string, line int) {
		if open[what] == 0 || line < open[what] {
			open[what] = line
		}
	}
	for _, find := range []func(tfBlock, func(string, int)){tfSwitches, tfSources, tfMembers, tfBuckets, tfBalancer} {
		find(b, add)
	}
	return open
}

// publicSwitches are attributes that open a resource, with the values that do.
var publicSwitches = map[string]string{
	"publicly_accessible": "true", "associate_public_ip_address": "true", "endpoint_public_access": "true", "cluster_endpoint_public_access": "true",
	"public_network_access_enabled": "true", "allow_blob_public_access": "true", "allow_nested_items_to_be_public": "true",
	"block_public_acls": "false", "block_public_policy": "false", "ignore_public_acls": "false", "restrict_public_buckets": "false",
	"authorization_type": "NONE", "authorization": "NONE", "ingress": "INGRESS_TRAFFIC_ALL", "assign_public_ip": "true",
}

func tfSwitches(b tfBlock, add func(string, int)) {
	for _, in := range b.within() {
		for _, name := range slices.Sorted(maps.Keys(in.Attributes)) {
			if value, ok := publicSwitches[name]; !ok || in.get(name) != value {
				continue
			}
			switch {
			case name == "authorization" && (b.kind != "aws_api_gateway_method" || in.get("http_method") == "OPTIONS"),
				name == "authorization_type" && b.kind != "aws_lambda_function_url",
				strings.HasSuffix(name, "endpoint_public_access") && in.limited("public_access_cidrs", "cluster_endpoint_public_access_cidrs", "endpoint_public_access_cidrs"):
				continue
			}
			add(name, in.at(name))
		}
	}
}

// limited reports whether one of the attributes names addresses other than the whole internet.
func (b tfBlock) limited(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return b.has(name) && !slices.ContainsFunc(b.all(name), everywhere) })
}

func everywhere(address string) bool {
	return slices.Contains([]string{"0.0.0.0/0", "::/0", "*", "Internet", "0.0.0.0-255.255.255.255"}, address)
}

// tfSources finds rules of firewalls that let everybody in.
func tfSources(b tfBlock, add func(string, int)) {
	switch b.kind {
	case "aws_security_group", "aws_default_security_group", "openstack_networking_secgroup_v2":
		for _, in := range b.inner("ingress") {
			tfSource(in, add, "cidr_blocks", "ipv6_cidr_blocks")
		}
	case "aws_security_group_rule":
		if b.get("type") == "ingress" {
			tfSource(b, add, "cidr_blocks", "ipv6_cidr_blocks")
		}
	case "aws_vpc_security_group_ingress_rule":
		tfSource(b, add, "cidr_ipv4", "cidr_ipv6")
	case "google_compute_firewall":
		if b.get("direction") != "EGRESS" && len(b.inner("deny")) == 0 {
			tfSource(b, add, "source_ranges")
		}
	case "azurerm_network_security_rule":
		tfAzureRule(b, add)
	case "azurerm_network_security_group":
		for _, in := range b.inner("security_rule") {
			tfAzureRule(in, add)
		}
	case "module":
		tfSource(b, add, "ingress_cidr_blocks", "ingress_ipv6_cidr_blocks")
	case "google_sql_database_instance":
		for _, in := range b.within() {
			if everywhere(in.get("value")) {
				add("authorized network 0.0.0.0/0", in.at("value"))
			}
		}
	case "azurerm_mssql_firewall_rule", "azurerm_postgresql_flexible_server_firewall_rule", "azurerm_mysql_flexible_server_firewall_rule", "azurerm_sql_firewall_rule", "azurerm_postgresql_firewall_rule":
		if b.get("start_ip_address") == "0.0.0.0" && b.get("end_ip_address") == "255.255.255.255" {
			add("firewall rule 0.0.0.0/0", b.at("start_ip_address"))
		}
	}
}

// tfSource adds the ports of a rule whose sources include the internet.
func tfSource(b tfBlock, add func(string, int), names ...string) {
	for _, name := range names {
		if slices.ContainsFunc(b.all(name), everywhere) {
			add(strings.TrimSpace("ingress from the internet "+tfPorts(b)), b.at(name))
		}
	}
}

// tfPorts returns the ports of a rule, as far as the file says them.
func tfPorts(b tfBlock) string {
	from, to := b.get("from_port"), b.get("to_port")
	if from == "" {
		from, to = b.get("destination_port_range"), ""
	}
	if low, high, ok := strings.Cut(from, "-"); ok {
		from, to = low, high
	}
	var ports []string
	for _, allow := range b.inner("allow") {
		ports = append(ports, allow.all("ports")...)
	}
	switch {
	case len(ports) > 0:
		return "ports " + strings.Join(ports, ",")
	case from == "" || strings.Contains(from, "$"):
		return ""
	case to == "" || from == to:
		return "port " + from
	}
	return "ports " + from + "-" + to
}

func tfAzureRule(b tfBlock, add func(string, int)) {
	if strings.EqualFold(b.get("direction"), "Inbound") && strings.EqualFold(b.get("access"), "Allow") {
		tfSource(b, add, "source_address_prefix", "source_address_prefixes")
	}
}

// tfMembers finds grants to everybody.
func tfMembers(b tfBlock, add func(string, int)) {
	if !strings.HasPrefix(b.kind, "google_") && b.kind != "module" {
		return
	}
	for _, in := range b.within() {
		for _, name := range []string{"member", "members", "entity", "role_entity", "special_group"} {
			for _, who := range in.all(name) {
				if who = who[strings.LastIndexByte(who, ':')+1:]; who == "allUsers" || who == "allAuthenticatedUsers" {
					add(who, in.at(name))
				}
			}
		}
	}
}

// tfBuckets finds access lists and policies that let everybody read.
func tfBuckets(b tfBlock, add func(string, int)) {
	if strings.HasPrefix(b.kind, "aws_s3_") || b.kind == "module" {
		if acl := b.get("acl"); strings.HasPrefix(acl, "public-") {
			add("acl "+acl, b.at("acl"))
		}
	}
	if access := b.get("container_access_type"); access == "blob" || access == "container" {
		add("container_access_type "+access, b.at("container_access_type"))
	}
	if !resourcePolicies.MatchString(b.kind) {
		return
	}
	for _, st := range b.statements() {
		if st.allow && st.everybody && !st.conditional {
			add("policy for everybody", st.line)
		}
	}
}

// resourcePolicies are the types whose policy says who may use the resource.
var resourcePolicies = rex(`^(aws_(s3_bucket|s3_bucket_policy|sqs_queue|sqs_queue_policy|sns_topic|sns_topic_policy|ecr_repository_policy|secretsmanager_secret_policy|opensearch_domain_policy|elasticsearch_domain_policy|glacier_vault|backup_vault_policy)|data\.aws_iam_policy_document)$`)

// tfBalancer finds load balancers that face the internet, which they do unless they are internal.
func tfBalancer(b tfBlock, add func(string, int)) {
	switch b.kind {
	case "aws_lb", "aws_alb", "aws_elb":
		if a := b.Attributes["internal"]; a == nil || b.get("internal") == "false" {
			add("load balancer", b.at("internal"))
		}
	case "google_compute_forwarding_rule":
		if scheme := b.get("load_balancing_scheme"); strings.HasPrefix(scheme, "EXTERNAL") {
			add("load balancer", b.at("load_balancing_scheme"))
		}
	}
}
