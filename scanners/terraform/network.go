package terraform

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/secbydesign/secbydesign/scanners"
)

// ports are the ports of administration and of data stores, which nobody opens to the internet on
// purpose.
var ports = []struct {
	port int
	name string
}{
	{22, "SSH"}, {3389, "RDP"}, {23, "Telnet"}, {445, "SMB"}, {1433, "SQL Server"}, {1521, "Oracle"}, {2375, "Docker"}, {2379, "etcd"},
	{3306, "MySQL"}, {5432, "PostgreSQL"}, {5900, "VNC"}, {5985, "WinRM"}, {6379, "Redis"}, {9200, "Elasticsearch"}, {11211, "memcached"}, {27017, "MongoDB"},
}

// A span is a range of ports, including both ends.
type span struct{ from, to int }

var all = span{0, 65535}

// extents returns the extents of a rule that lets the sources in: its ports by version of IP, for TCP
// and, if it allows every protocol, also for the other protocols.
func (o port) extents(sources reach) (list []scanners.Extent) {
	from, to := max(o.from, 0), min(o.to, all.to)
	for _, version := range []struct {
		name  string
		reach int
	}{{"ipv4", sources.v4}, {"ipv6", sources.v6}} {
		switch {
		case version.reach == 0:
		case o.protocol == "udp":
			list = append(list, scanners.Extent{Of: version.name + " other/udp", From: from, To: to})
		default:
			list = append(list, scanners.Extent{Of: version.name + " tcp", From: from, To: to})
			if o.protocol == "" {
				list = append(list, scanners.Extent{Of: version.name + " other", From: from, To: to})
			}
		}
	}
	return list
}

// parseSpan reads "22", "20-25" and "*".
func parseSpan(text string) (span, bool) {
	if text == "*" {
		return all, true
	}
	from, to, ranged := strings.Cut(text, "-")
	a, err := strconv.Atoi(strings.TrimSpace(from))
	if err != nil {
		return span{}, false
	}
	if !ranged {
		return span{a, a}, true
	}
	b, err := strconv.Atoi(strings.TrimSpace(to))
	return span{a, b}, err == nil
}

func (c *checker) network(at block) {
	b := at.body
	switch at.kind {
	case "aws_security_group", "aws_default_security_group":
		c.awsSecurityGroup(at)
	case "aws_security_group_rule":
		if b.get("type") == "ingress" {
			c.awsIngress(at, opened(b), values(b))
		}
	case "aws_vpc_security_group_ingress_rule":
		c.awsIngress(at, opened(b), values(b))
	case "google_compute_firewall":
		c.gcpFirewall(at)
	case "azurerm_network_security_group":
		for _, rule := range b.blocks("security_rule") {
			c.azureRule(at, rule)
		}
	case "azurerm_network_security_rule":
		c.azureRule(at, b)
	case "google_sql_database_instance":
		c.gcpDatabase(at)
	case "aws_eks_cluster", "google_container_cluster":
		c.clusterEndpoint(at)
	}
	if names, ok := firewallRules[at.kind]; ok {
		from, _ := b.get(names[0]).(string)
		to, _ := b.get(names[1]).(string)
		if r := between(from, to); r.internet() {
			c.add(openDatabase, at, first(b, names[1]), "lets "+r.String()+" reach the database.")
		}
	}
}

// firewallRules maps the types of resources that open a database of Azure to the names of the first and the last
// address.
var firewallRules = map[string][2]string{
	"azurerm_mssql_firewall_rule":                      {"start_ip_address", "end_ip_address"},
	"azurerm_sql_firewall_rule":                        {"start_ip_address", "end_ip_address"},
	"azurerm_mysql_firewall_rule":                      {"start_ip_address", "end_ip_address"},
	"azurerm_postgresql_firewall_rule":                 {"start_ip_address", "end_ip_address"},
	"azurerm_mysql_flexible_server_firewall_rule":      {"start_ip_address", "end_ip_address"},
	"azurerm_postgresql_flexible_server_firewall_rule": {"start_ip_address", "end_ip_address"},
	"azurerm_mariadb_firewall_rule":                    {"start_ip_address", "end_ip_address"},
	"azurerm_synapse_firewall_rule":                    {"start_ip_address", "end_ip_address"},
	"azurerm_redis_firewall_rule":                      {"start_ip", "end_ip"},
}

func (c *checker) awsSecurityGroup(at block) {
	rules := at.body.blocks("ingress")
	for _, in := range rules {
		c.awsIngress(at, opened(in), values(in))
	}
	list, ok := at.body.attribute("ingress").(*hclsyntax.TupleConsExpr)
	if !ok || len(rules) > 0 { // in JSON, they are the same
		return
	}
	for _, item := range list.Exprs {
		if rule, ok := at.body.in.literal(item).(map[string]any); ok {
			c.awsIngress(at, item.Range(), rule)
		}
	}
}

func (c *checker) gcpDatabase(at block) {
	networks, _ := at.body.along("settings.ip_configuration.authorized_networks.value")
	for _, n := range networks {
		if r := reached(texts(n.get("value"))); r.internet() {
			c.add(openDatabase, at, first(n, "value"), "lets "+r.String()+" reach the database.")
		}
	}
}

func (c *checker) clusterEndpoint(at block) {
	const open = "lets %s reach the API of the cluster."
	for _, vpc := range at.body.blocks("vpc_config") {
		if public, ok := truth(vpc.get("endpoint_public_access")); ok && !public {
			continue
		}
		if r := reached(texts(vpc.get("public_access_cidrs"))); r.internet() {
			c.add(clusterEndpoint, at, first(vpc, "public_access_cidrs"), fmt.Sprintf(open, r))
		}
	}
	networks, _ := at.body.along("master_authorized_networks_config.cidr_blocks.cidr_block")
	for _, n := range networks {
		if r := reached(texts(n.get("cidr_block"))); r.internet() {
			c.add(clusterEndpoint, at, first(n, "cidr_block"), fmt.Sprintf(open, r))
		}
	}
}

// values returns the literal values of the attributes.
func values(b body) map[string]any {
	out := map[string]any{}
	for name := range b.Attributes {
		out[name] = b.get(name)
	}
	return out
}

// addresses are the attributes of a rule that name its sources.
var addresses = []string{"cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6"}

// opened returns the range of the attribute that lets the internet in.
func opened(b body) hcl.Range {
	for _, name := range addresses {
		if reached(texts(b.get(name))).internet() {
			return first(b, name)
		}
	}
	return b.SrcRange
}

func (c *checker) awsIngress(at block, where hcl.Range, rule map[string]any) {
	var sources []string
	for _, name := range addresses {
		sources = append(sources, texts(rule[name])...)
	}
	protocol, _ := text(cmp.Or(rule["protocol"], rule["ip_protocol"]))
	o := port{span: all}
	switch strings.ToLower(protocol) {
	case "-1", "all":
	case "tcp", "6":
		o.protocol = "tcp"
	case "udp", "17":
		o.protocol = "udp"
	default:
		return
	}
	if o.protocol != "" {
		from, ok := number(rule["from_port"])
		to, ok2 := number(rule["to_port"])
		if !ok || !ok2 {
			return
		}
		o.span = span{from, to}
	}
	c.open(awsIngress, at, where, reached(sources), o)
}

func (c *checker) gcpFirewall(at block) {
	b := at.body
	disabled, _ := truth(b.get("disabled"))
	sources := reached(texts(b.get("source_ranges")))
	if b.get("direction") == "EGRESS" || disabled || !sources.internet() {
		return
	}
	for _, allow := range b.blocks("allow") {
		protocol, _ := text(allow.get("protocol"))
		o := port{span: all}
		switch strings.ToLower(protocol) {
		case "all":
		case "tcp", "6":
			o.protocol = "tcp"
		case "udp", "17":
			o.protocol = "udp"
		default:
			continue
		}
		spans := []span{all}
		if list := allow.get("ports"); o.protocol != "" && list != nil {
			spans = parsed(list)
		}
		for _, s := range spans {
			o.span = s
			c.open(gcpIngress, at, first(allow, "ports", "protocol"), sources, o)
		}
	}
}

// parsed returns the literal items of a list of ports or ranges of ports.
func parsed(list any) []span {
	items, ok := list.([]any)
	if !ok {
		items = []any{list}
	}
	var out []span
	for _, item := range items {
		name, _ := text(item)
		if s, ok := parseSpan(name); ok {
			out = append(out, s)
		}
	}
	return out
}

func (c *checker) azureRule(at block, b body) {
	is := func(name string, wants ...string) bool {
		s, _ := b.get(name).(string)
		return slices.ContainsFunc(wants, func(want string) bool { return strings.EqualFold(s, want) })
	}
	if !is("direction", "Inbound") || !is("access", "Allow") || !is("protocol", "Tcp", "Udp", "*") {
		return
	}
	sources := reached(append(texts(b.get("source_address_prefix")), texts(b.get("source_address_prefixes"))...))
	o := port{}
	switch {
	case is("protocol", "Tcp"):
		o.protocol = "tcp"
	case is("protocol", "Udp"):
		o.protocol = "udp"
	}
	rule, _ := b.get("name").(string)
	o.rule = []string{rule}
	for _, name := range []string{"destination_port_range", "destination_port_ranges"} {
		for _, s := range parsed(b.get(name)) {
			o.span = s
			c.open(azureIngress, at, first(b, "destination_port_range", "destination_port_ranges"), sources, o)
		}
	}
}
