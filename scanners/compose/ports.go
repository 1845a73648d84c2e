package compose

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// databases are the ports of programs that trust everybody who can reach them, or that need only a password.
var databases = []struct {
	port int
	name string
}{
	{1433, "SQL Server"}, {1521, "Oracle"}, {2379, "etcd"}, {3306, "MySQL"}, {5432, "PostgreSQL"}, {5984, "CouchDB"}, {6379, "Redis"},
	{7687, "Neo4j"}, {8086, "InfluxDB"}, {9042, "Cassandra"}, {9200, "Elasticsearch"}, {11211, "memcached"}, {26257, "CockroachDB"}, {27017, "MongoDB"},
}

func (c *checker) ports(service string, list *yamlpos.Node) {
	for _, p := range items(list) {
		low, high := published(p)
		for _, d := range databases {
			if low <= d.port && d.port <= high {
				number := strconv.Itoa(d.port)
				c.add(publishedDatabase, p.Line, service, "publishes port "+number+" ("+d.name+") on all network interfaces.", number)
				const wide = 100
				if high-low > wide {
					break // one is enough to say that the range is too wide
				}
			}
		}
	}
}

// published returns the range of the container's ports that an entry publishes on all network interfaces. The
// range is empty (1 to 0) if it publishes none there.
//
// https://docs.docker.com/reference/compose-file/services/#ports
func published(p *yamlpos.Node) (low, high int) {
	var host, source, target string
	var names []string
	if p.Kind == yamlpos.Map {
		host, _ = interpolate(field(p, "host_ip").String())
		source, _ = interpolate(field(p, "published").String())
		target, _ = interpolate(field(p, "target").String())
		if protocol, _ := interpolate(field(p, "protocol").String()); protocol == "udp" {
			return 1, 0
		}
	} else {
		var text string
		text, names = interpolate(p.String())
		text, protocol, _ := strings.Cut(text, "/")
		if protocol = strings.ToLower(protocol); protocol != "" && protocol != "tcp" && protocol != unknown {
			return 1, 0
		}
		parts := strings.Split(text, ":") // an address of IPv6 has more of them
		if len(parts) < 2 {
			return 1, 0 // Compose chooses the port of the host
		}
		n := len(parts)
		host, source, target = strings.Join(parts[:n-2], ":"), parts[n-2], parts[n-1]
		if n > 2 && source == "" {
			source = "0"
		}
	}
	if !everywhere(host) || !isPort(source, names) {
		return 1, 0
	}
	from, to, isRange := strings.Cut(target, "-")
	if !isRange {
		to = from
	}
	low, err := strconv.Atoi(from)
	high, err2 := strconv.Atoi(to)
	if err != nil || err2 != nil {
		return 1, 0
	}
	return low, high
}

// everywhere reports whether an address of the host means all its network interfaces.
func everywhere(host string) bool {
	if host == "" {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.Unmap().IsUnspecified()
}

// isPort reports whether a text is a port or a range of ports of the host. A variable is one, unless its name
// says that it holds an address.
func isPort(text string, names []string) bool {
	if text == "" {
		return false
	}
	for _, part := range strings.Split(text, "-") {
		if _, err := strconv.Atoi(part); err != nil && !strings.Contains(part, unknown) {
			return false
		}
	}
	return !strings.Contains(text, unknown) || !slices.ContainsFunc(names, func(name string) bool { return address.MatchString(name) && !port.MatchString(name) })
}
