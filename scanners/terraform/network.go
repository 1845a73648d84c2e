package terraform

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
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

// open describes the ports of the span that should not be open, or returns "".
func (s span) open() string {
	if s.from <= 0 && s.to >= 65535 {
		return "all ports"
	}
	for _, p := range ports {
		if s.from <= p.port && p.port <= s.to {
			return fmt.Sprintf("port %d (%s)", p.port, p.name)
		}
	}
	return ""
}

var all = span{0, 65535}

// extents returns the extents of a rule that lets the sources in: its ports by version of IP, for TCP
// and, if it allows every protocol, also for the other protocols.
func (s span) extents(everyProtocol bool, sources []string) (list []scanners.Extent) {
	from, to := max(s.from, 0), min(s.to, all.to)
	for _, source := range sources {
		if !anywhere(source) {
			continue
		}
		version := "ipv4"
		if strings.Contains(source, ":") {
			version = "ipv6"
		}
		list = append(list, scanners.Extent{Of: version + " tcp", From: from, To: to})
		if everyProtocol {
			list = append(list, scanners.Extent{Of: version + " other", From: from, To: to})
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

// anywhere reports whether the address means the whole internet.
func anywhere(address string) bool {
	switch strings.ToLower(address) {
	case "0.0.0.0/0", "::/0", "0.0.0.0", "*", "internet", "any":
		return true
	}
	return false
}

func (c *checker) network(at block) {
	b := at.body
	switch at.kind {
	case "aws_security_group", "aws_default_security_group":
		c.awsSecurityGroup(at)
	case "aws_security_group_rule":
		if literal(attribute(b, "type")) == "ingress" {
			c.awsIngress(at, opened(b), values(b))
		}
	case "aws_vpc_security_group_ingress_rule":
		c.awsIngress(at, opened(b), values(b))
	case "google_compute_firewall":
		c.gcpFirewall(at)
	case "azurerm_network_security_group":
		for _, rule := range blocks(b, "security_rule") {
			c.azureRule(at, rule)
		}
	case "azurerm_network_security_rule":
		c.azureRule(at, b)
	case "azurerm_mssql_firewall_rule", "azurerm_sql_firewall_rule", "azurerm_mysql_firewall_rule", "azurerm_postgresql_firewall_rule",
		"azurerm_mysql_flexible_server_firewall_rule", "azurerm_postgresql_flexible_server_firewall_rule", "azurerm_mariadb_firewall_rule":
		if literal(attribute(b, "start_ip_address")) == "0.0.0.0" && literal(attribute(b, "end_ip_address")) == "255.255.255.255" {
			c.add(openDatabase, at, first(b, "end_ip_address"), "lets the whole internet reach the database.")
		}
	case "google_sql_database_instance":
		c.gcpDatabase(at)
	case "aws_eks_cluster", "google_container_cluster":
		c.clusterEndpoint(at)
	}
}

func (c *checker) awsSecurityGroup(at block) {
	for _, in := range blocks(at.body, "ingress") {
		c.awsIngress(at, opened(in), values(in))
	}
	list, ok := attribute(at.body, "ingress").(*hclsyntax.TupleConsExpr)
	if !ok {
		return
	}
	for _, item := range list.Exprs {
		if rule, ok := literal(item).(map[string]any); ok {
			c.awsIngress(at, item.Range(), rule)
		}
	}
}

func (c *checker) gcpDatabase(at block) {
	for _, s := range blocks(at.body, "settings") {
		for _, ip := range blocks(s, "ip_configuration") {
			for _, n := range blocks(ip, "authorized_networks") {
				if v, _ := literal(attribute(n, "value")).(string); anywhere(v) {
					c.add(openDatabase, at, first(n, "value"), "lets the whole internet reach the database.")
				}
			}
		}
	}
}

func (c *checker) clusterEndpoint(at block) {
	const open = "lets the whole internet reach the API of the cluster."
	for _, vpc := range blocks(at.body, "vpc_config") {
		if literal(attribute(vpc, "endpoint_public_access")) != false && slices.ContainsFunc(texts(literal(attribute(vpc, "public_access_cidrs"))), anywhere) {
			c.add(clusterEndpoint, at, first(vpc, "public_access_cidrs"), open)
		}
	}
	for _, networks := range blocks(at.body, "master_authorized_networks_config") {
		for _, n := range blocks(networks, "cidr_blocks") {
			if v, _ := literal(attribute(n, "cidr_block")).(string); anywhere(v) {
				c.add(clusterEndpoint, at, first(n, "cidr_block"), open)
			}
		}
	}
}

// values returns the literal values of the attributes.
func values(b *hclsyntax.Body) map[string]any {
	out := map[string]any{}
	for name, a := range b.Attributes {
		out[name] = literal(a.Expr)
	}
	return out
}

// addresses are the attributes of a rule that name its sources.
var addresses = []string{"cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6"}

// opened returns the range of the attribute that lets the internet in.
func opened(b *hclsyntax.Body) hcl.Range {
	for _, name := range addresses {
		if slices.ContainsFunc(texts(literal(attribute(b, name))), anywhere) {
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
	if !slices.ContainsFunc(sources, anywhere) {
		return
	}
	protocol := rule["protocol"]
	if protocol == nil {
		protocol = rule["ip_protocol"]
	}
	s, every := all, false
	switch protocol {
	case "-1", float64(-1), "all":
		every = true
	case "tcp", "TCP", "6", float64(6):
		from, ok := number(rule["from_port"])
		to, ok2 := number(rule["to_port"])
		if !ok || !ok2 {
			return
		}
		s = span{from, to}
	default:
		return
	}
	if what := s.open(); what != "" {
		f := c.add(awsIngress, at, where, "opens "+what+" to the whole internet.", what)
		f.Extents = s.extents(every, sources)
	}
}

func number(v any) (int, bool) {
	switch v := v.(type) {
	case float64:
		return int(v), true
	case string:
		n, err := strconv.Atoi(v)
		return n, err == nil
	}
	return 0, false
}

func (c *checker) gcpFirewall(at block) {
	b := at.body
	if literal(attribute(b, "direction")) == "EGRESS" || literal(attribute(b, "disabled")) == true ||
		!slices.ContainsFunc(texts(literal(attribute(b, "source_ranges"))), anywhere) {
		return
	}
	sources := texts(literal(attribute(b, "source_ranges")))
	for _, allow := range blocks(b, "allow") {
		protocol, _ := literal(attribute(allow, "protocol")).(string)
		var spans []span
		list := literal(attribute(allow, "ports"))
		switch {
		case protocol == "all":
			spans = []span{all}
		case protocol != "tcp" && protocol != "6":
			continue
		case list == nil:
			spans = []span{all}
		default:
			spans = parsed(list)
		}
		for _, s := range spans {
			if what := s.open(); what != "" {
				f := c.add(gcpIngress, at, first(allow, "ports", "protocol"), "opens "+what+" to the whole internet.", what)
				f.Extents = s.extents(protocol == "all", sources)
			}
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
		if n, ok := item.(float64); ok {
			item = strconv.Itoa(int(n))
		}
		text, _ := item.(string)
		if s, ok := parseSpan(text); ok {
			out = append(out, s)
		}
	}
	return out
}

func (c *checker) azureRule(at block, b *hclsyntax.Body) {
	is := func(name, want string) bool {
		s, _ := literal(attribute(b, name)).(string)
		return strings.EqualFold(s, want)
	}
	if !is("direction", "Inbound") || !is("access", "Allow") || !is("protocol", "Tcp") && !is("protocol", "*") {
		return
	}
	sources := append(texts(literal(attribute(b, "source_address_prefix"))), texts(literal(attribute(b, "source_address_prefixes")))...)
	if !slices.ContainsFunc(sources, anywhere) {
		return
	}
	for _, name := range []string{"destination_port_range", "destination_port_ranges"} {
		for _, s := range parsed(literal(attribute(b, name))) {
			if what := s.open(); what != "" {
				rule, _ := literal(attribute(b, "name")).(string)
				f := c.add(azureIngress, at, first(b, name), "opens "+what+" to the whole internet.", rule, what)
				f.Extents = s.extents(is("protocol", "*"), sources)
			}
		}
	}
}

// members reports rights granted to everybody, or to everybody with a Google account.
func (c *checker) members(at block) {
	b := at.body
	if !strings.HasPrefix(at.kind, "google_") {
		return
	}
	switch {
	case strings.HasSuffix(at.kind, "_iam_member"), strings.HasSuffix(at.kind, "_iam_binding"):
		role, _ := literal(attribute(b, "role")).(string)
		if strings.HasSuffix(role, "nvoker") { // a web service is meant to be called
			return
		}
		for _, name := range []string{"member", "members"} {
			c.everybody(at, b, name)
		}
	case strings.HasPrefix(at.kind, "google_storage_"):
		c.everybody(at, b, "entity")
	}
}

func (c *checker) everybody(at block, b *hclsyntax.Body, name string) {
	for _, who := range texts(literal(attribute(b, name))) {
		if who == "allUsers" || who == "allAuthenticatedUsers" {
			f := c.add(publicBucket, at, first(b, name), "gives rights to "+infra.Name(who)+", which is everybody.", who)
			f.Extents = rights(b, who)
		}
	}
}

// rights returns the extents of a binding: who is granted the role, and how powerful the role is.
func rights(b *hclsyntax.Body, who string) []scanners.Extent {
	level := 1
	if who == "allUsers" {
		level = 2
	}
	list := []scanners.Extent{{Of: "who", To: level}}
	for _, name := range []string{"role", "role_entity"} {
		for _, role := range texts(literal(attribute(b, name))) {
			list = append(list, scanners.Extent{Of: "role", To: roleLevel(role)})
		}
	}
	return list
}

// roleLevel ranks roles of Google Cloud by power, judging from the ends of their names.
func roleLevel(role string) int {
	lower := strings.ToLower(role[strings.LastIndexAny(role, "./")+1:])
	for level, ends := range [][]string{{"viewer", "reader", "user"}, {"creator", "publisher", "subscriber"}, {"writer", "editor"}, {"admin", "owner"}} {
		for _, end := range ends {
			if strings.HasSuffix(lower, end) {
				return level + 1
			}
		}
	}
	return 0
}
