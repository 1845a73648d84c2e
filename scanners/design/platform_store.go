package design

import (
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/infra"
	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// storeImages match the last part of an image's name that is a data store or a broker. Exporters, consoles, backups and
// proxies of them have other names.
var storeImages = rex(`^(?:(postgres)(?:ql)?(?:-ha|-repmgr|-ssl|-pgvector)?|(postgres)is|pg(vector)|(timescaledb)(?:-ha)?|(mysql)(?:-server|-cluster)?|(mariadb)(?:-galera)?|percona(?:-server|-xtradb-cluster)?(-mysql)?|(mongo)(?:db)?(?:-sharded|-community-server)?|(redis)(?:-stack(?:-server)?|-cluster|-alpine)?|(valkey)(?:-cluster|-bundle)?|(keydb)|(dragonfly)(?:db)?|(memcached)|(elasticsearch)(?:-oss)?|(opensearch)|(rabbitmq)|(?:cp-|debezium-)?(kafka)(?:-native)?|(redpanda)|(nats)(?:-streaming)?|(minio)|(clickhouse)(?:-server)?|(influxdb)|(cassandra)|(scylla)|(neo4j)|(couchdb)|(couchbase)|(etcd)|(cockroach)(?:db)?|(qdrant)|(weaviate)|(chroma)(?:db)?|(milvus)|(solr)|(meilisearch)|(typesense)|(activemq)(?:-\w+)?|(artemis)|(eclipse-mosquitto)|(emqx)|(rethinkdb)|(arangodb)|(surrealdb)|(questdb)|(ravendb)|(pulsar)(?:-all)?|(immudb)|(tigerbeetle)|(ferretdb)|(yugabyte)|azure-(sql-edge)|(tarantool)|(orientdb)|(tidb)|(vitess)|(seaweedfs)|(garage))$`)

// storeKind returns what an image stores data in, such as "postgres", or "".
func storeKind(image string) string {
	image = defaults.ReplaceAllString(image, "$1")
	if strings.HasPrefix(image, "mcr.microsoft.com/mssql/server") {
		return "mssql"
	}
	if i := strings.LastIndexByte(image, '/'); i >= 0 {
		image = image[i+1:]
	}
	image, _, _ = strings.Cut(image, "@")
	image, _, _ = strings.Cut(image, ":")
	m := storeImages.FindStringSubmatch(strings.ToLower(image))
	for i := 1; i < len(m); i++ {
		if m[i] != "" {
			return strings.TrimPrefix(m[i], "eclipse-")
		}
	}
	return strings.Join(m[:min(len(m), 1)], "")
}

// defaults matches a variable with the value that it has by default.
var defaults = rex(`\$\{\w+:?-([^${}]*)\}`)

// operated are the kinds of objects by which an operator makes a store, with the groups of their versions.
var operated = map[string]string{
	"Cluster": "postgresql.cnpg.io", "PostgresCluster": "postgres-operator.crunchydata.com", "postgresql": "acid.zalan.do", "Postgresql": "acid.zalan.do",
	"PerconaPGCluster": "pgv2.percona.com", "PerconaXtraDBCluster": "pxc.percona.com", "PerconaServerMongoDB": "psmdb.percona.com",
	"MongoDBCommunity": "mongodbcommunity.mongodb.com", "MongoDB": "mongodb.com", "InnoDBCluster": "mysql.oracle.com", "MariaDB": "k8s.mariadb.com",
	"Kafka": "kafka.strimzi.io", "KafkaTopic": "kafka.strimzi.io", "RabbitmqCluster": "rabbitmq.com", "Elasticsearch": "elasticsearch.k8s.elastic.co",
	"OpenSearchCluster": "opensearch.opster.io", "RedisCluster": "redis.redis.opstreelabs.in", "Redis": "redis.redis.opstreelabs.in", "RedisFailover": "databases.spotahome.com",
	"Dragonfly": "dragonflydb.io", "CassandraDatacenter": "cassandra.datastax.com", "ScyllaCluster": "scylla.scylladb.com", "Tenant": "minio.min.io",
	"ClickHouseInstallation": "clickhouse.altinity.com", "CrdbCluster": "crdb.cockroachlabs.com", "ObjectBucketClaim": "objectbucket.io", "Valkey": "hyperspike.io",
	"SQLInstance": "sql.cnrm.cloud.google.com", "StorageBucket": "storage.cnrm.cloud.google.com", "Bucket": "s3.",
	"DBInstance": "rds.", "Instance": "rds.", "Table": "dynamodb.", "Queue": "sqs.",
}

// store adds a workload, or an object of an operator, that holds data.
func (o kubeObject) store() {
	kind := o.imageStore()
	if group := operated[o.kind]; group != "" && strings.HasPrefix(o.group, group) {
		if kind = strings.ToLower(o.kind); kind == "cluster" {
			kind = "postgres"
		}
	}
	if kind == "" && o.kind == "StatefulSet" && len(o.node.Get("spec", "volumeClaimTemplates").List()) > 0 && o.node.Get("spec", "selector") != nil {
		kind = "volume"
	}
	if release := o.released(); release != "" {
		kind = release
	}
	if kind == "" {
		return
	}
	o.add("datastore", o.called(), o.line("metadata", "name"), with("kind", kind))
}

// imageStore returns the kind of store that the workload's first store image is, or "".
func (o kubeObject) imageStore() string {
	if o.kind != "StatefulSet" && o.kind != "Deployment" && o.kind != "DeploymentConfig" || o.node.Get("spec", "selector") == nil {
		return ""
	}
	for _, c := range infra.PodSpec(o.node, o.kind).Get("containers").List() {
		image := c.Get("image").String()
		if strings.HasPrefix(image, blank) {
			image = c.Get("name").String() // a template fills the image in
		}
		if kind := storeKind(image); kind != "" {
			return kind
		}
	}
	return ""
}

// released returns the kind of store whose chart an object of Flux or Argo CD installs, or "".
func (o kubeObject) released() string {
	switch o.kind {
	case "HelmRelease":
		if of := o.node.Get("spec", "chartRef", "name").String(); of != "" {
			return storeKind(of)
		}
		return storeKind(o.node.Get("spec", "chart", "spec", "chart").String())
	case "HelmChart":
		return storeKind(o.node.Get("spec", "chart").String())
	case "Application":
		return storeKind(o.node.Get("spec", "source", "chart").String())
	}
	return ""
}

// chart adds the facts of the file that describes a chart of Helm, and reports whether it is one.
func chart(s *source) bool {
	base := baseOf(s.path)
	if base != "Chart.yaml" && base != "requirements.yaml" {
		return false
	}
	for _, n := range s.yaml() {
		if base == "Chart.yaml" && n.Get("type").String() != "library" && n.Get("apiVersion") != nil {
			if name := n.Get("name"); name != nil {
				s.add("new-deployable", name.String(), name.Line, with("kind", "chart"))
			}
		}
		for _, d := range n.Get("dependencies").List() {
			s.chartStore(d)
		}
	}
	return true
}

func (s *source) chartStore(d *yamlpos.Node) {
	if kind := storeKind(d.Get("name").String()); kind != "" {
		name := d.Get("alias").String()
		if name == "" {
			name = d.Get("name").String()
		}
		s.add("datastore", "chart "+name, d.Get("name").Line, with("kind", kind))
	}
}

func baseOf(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
