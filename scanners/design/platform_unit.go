package design

import (
	"bytes"
	"go/ast"
	"slices"
)

var (
	// commands matches the main file of a program of Go.
	commands = rex(`(?:^|/)cmd/([^/]+)/main\.go$`)

	// serves matches what a program does that runs until somebody stops it.
	serves = rex(`\b(ListenAndServe\w*|net\.Listen|signal\.Notify\w*|http\.Server\b|grpc\.NewServer|NewServer|NewManager|SetupSignalHandler|Serve|NewWorker|NewConsumer|lambda\.Start)\b`)

	// helpers matches names of programs that only developers run.
	helpers = rex(`(?i)(^|[-_])(gen|generate|generator|codegen|docgen|docs?|lint|linter|tools?|test|tester|testing|bench|benchmark|example|demo|dev|release|fuzz|mock|fake|debug|check|verify|scratch)([-_]|$)|gen$`)
)

// mainPackage adds a program of Go that listens or runs for good, in a folder of its own under cmd.
func mainPackage(s *source) {
	m := commands.FindStringSubmatch(s.path)
	g := s.goFile()
	if m == nil || g == nil || g.file.Name.Name != "main" || helpers.MatchString(m[1]) || !serves.Match(s.code()) {
		return
	}
	for _, d := range g.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "main" {
			s.add("new-deployable", m[1], g.line(f.Pos()), with("kind", "command"))
		}
	}
}

// catalogEntry adds the components that a catalog of Backstage lists.
func catalogEntry(s *source) {
	if base := baseOf(s.path); base != "catalog-info.yaml" && base != "catalog-info.yml" {
		return
	}
	for _, n := range s.yaml() {
		if kind := n.Get("spec", "type").String(); n.Get("kind").String() == "Component" && kind != "library" && kind != "documentation" {
			if name := n.Get("metadata", "name"); name != nil {
				s.add("new-deployable", name.String(), name.Line, with("kind", "component"))
			}
		}
	}
}

var (
	aspire = rex(`DistributedApplication\.CreateBuilder|IDistributedApplicationBuilder`)
	cdk    = rex(`aws-cdk-lib|@aws-cdk/|aws_cdk|software\.amazon\.awscdk|Amazon\.CDK|@pulumi/|pulumi_|github\.com/pulumi/|com\.pulumi`)
)

// programs find infrastructure that a program describes: .NET Aspire, AWS CDK and Pulumi.
var programs = []pattern{
	{rule: "datastore", in: []language{csharp}, requires: aspire, re: rex(`\.Add(?P<kind>Postgres|AzurePostgresFlexibleServer|SqlServer|AzureSqlServer|MySql|MongoDB|Oracle|Redis|Valkey|Garnet|AzureManagedRedis|RabbitMQ|Kafka|Nats|Elasticsearch|Qdrant|Milvus|Meilisearch|AzureStorage|AzureCosmosDB|AzureServiceBus|AzureEventHubs|SurrealServer)(?:Container)?\(\s*"(?P<name>[^"]+)"`), key: each("{kind} {name}")},
	{rule: "new-deployable", in: []language{csharp}, requires: aspire, re: rex(`\.Add(?:Project<[^>]+>|NpmApp|NodeApp|ViteApp|PythonApp|UvicornApp|Dockerfile|AzureFunctionsProject<[^>]+>)\(\s*"(?P<name>[^"]+)"`), key: each("{name}")},
	{rule: "datastore", in: []language{javascript, java, csharp}, requires: cdk, re: rex(`\bnew\s+(?:\w+\.)*(?P<kind>TableV2|s3\.Bucket|dynamodb\.Table|rds\.(?:DatabaseInstance|DatabaseCluster|ServerlessCluster|Cluster|Instance)|DatabaseInstance|DatabaseCluster|sqs\.Queue|sns\.Topic|kinesis\.Stream|elasticache\.Cfn\w+|elasticache\.(?:Cluster|ReplicationGroup)|docdb\.DatabaseCluster|opensearch\.Domain|redshift\.Cluster|efs\.FileSystem|msk\.(?:CfnCluster|Cluster)|storage\.(?:Bucket|StorageAccount)|sql\.DatabaseInstance|pubsub\.Topic|bigquery\.Dataset)\s*\(\s*(?:this\s*,|scope\s*,|stack\s*,|self\s*,)?\s*["'` + "`" + `](?P<name>[^"'` + "`" + `]+)`), key: each("{kind} {name}")},
	{rule: "datastore", in: []language{python}, requires: cdk, re: rex(`\b(?P<kind>s3\.Bucket(?:V2)?|dynamodb\.Table(?:V2)?|rds\.(?:DatabaseInstance|DatabaseCluster|ServerlessCluster|Cluster|Instance)|sqs\.Queue|sns\.Topic|kinesis\.Stream|elasticache\.(?:Cfn\w+|Cluster|ReplicationGroup)|opensearch\w*\.Domain|efs\.FileSystem|storage\.Bucket|sql\.DatabaseInstance|pubsub\.Topic|bigquery\.Dataset)\(\s*(?:self\s*,|scope\s*,)?\s*f?["'](?P<name>[^"']+)`), key: each("{kind} {name}")},
	{rule: "datastore", in: []language{golang}, requires: cdk, re: rex(`\b(?P<kind>s3\.NewBucket(?:V2)?|dynamodb\.NewTable|rds\.New(?:Instance|Cluster)|sqs\.NewQueue|sns\.NewTopic|storage\.NewBucket|sql\.NewDatabaseInstance|pubsub\.NewTopic|awss3\.NewBucket|awsdynamodb\.NewTable|awsrds\.New\w+|awssqs\.NewQueue|awssns\.NewTopic)\(\s*\w+\s*,\s*(?:jsii\.String\()?"(?P<name>[^"]+)"`), key: each("{kind} {name}")},
	{rule: "iac-entrypoint", in: []language{javascript, java, csharp}, requires: cdk, re: rex(`\bnew\s+(?:\w+\.)*(?P<kind>RestApi|LambdaRestApi|HttpApi|CloudFrontWebDistribution|cloudfront\.Distribution|FunctionUrl|apigateway(?:v2)?\.Api|ApplicationLoadBalancedFargateService)\s*\(\s*(?:this\s*,|scope\s*,|stack\s*,)?\s*["'` + "`" + `](?P<name>[^"'` + "`" + `]+)`), key: each("{kind} {name}")},
	{rule: "new-deployable", in: []language{javascript, java, csharp}, requires: cdk, re: rex(`\bnew\s+(?:\w+\.)*(?P<kind>lambda\.(?:Function|DockerImageFunction)|NodejsFunction|PythonFunction|GoFunction|FargateService|ApplicationLoadBalancedFargateService|cloudrun(?:v2)?\.Service)\s*\(\s*(?:this\s*,|scope\s*,|stack\s*,)?\s*["'` + "`" + `](?P<name>[^"'` + "`" + `]+)`), key: each("{name}")},
}

var (
	bicep    = rex(`\.bicep$`)
	wrangler = rex(`(^|/)wrangler\.toml$`)
)

// files find infrastructure in files of Bicep and of Cloudflare's wrangler.
var files = []pattern{
	{rule: "datastore", in: []language{other}, path: bicep, re: rex(`(?m)^[ \t]*resource\s+(?P<name>\w+)\s+'Microsoft\.(?P<kind>Storage/storageAccounts|Sql/servers|DocumentDB/databaseAccounts|DBforPostgreSQL/(?:flexibleServers|servers)|DBforMySQL/(?:flexibleServers|servers)|Cache/[rR]edis|Cache/redisEnterprise|ServiceBus/namespaces|EventHub/namespaces|Search/searchServices)@[^']*'\s*=`), key: each("{kind} {name}")},
	{rule: "iac-entrypoint", in: []language{other}, path: bicep, re: rex(`(?m)^[ \t]*resource\s+(?P<name>\w+)\s+'Microsoft\.(?P<kind>Web/sites|App/containerApps|ApiManagement/service|Cdn/profiles|Network/applicationGateways|Network/publicIPAddresses)@[^']*'\s*=`), key: each("{kind} {name}")},
	{rule: "datastore", in: []language{toml}, path: wrangler, re: rex(`(?m)^\[\[(?P<kind>d1_databases|kv_namespaces|r2_buckets|queues\.producers|hyperdrive|vectorize)\]\]\s*\n\s*binding\s*=\s*"(?P<name>[^"]+)"`), key: each("{kind} {name}")},
}

// render adds the databases of a blueprint of Render.
func render(s *source) {
	if base := baseOf(s.path); base != "render.yaml" && base != "render.yml" {
		return
	}
	for _, n := range s.yaml() {
		for _, d := range n.Get("databases").List() {
			s.add("datastore", "database "+d.Get("name").String(), d.Line, with("kind", "postgres"))
		}
		for _, d := range n.Get("services").List() {
			if kind := d.Get("type").String(); kind == "redis" || kind == "keyvalue" {
				s.add("datastore", kind+" "+d.Get("name").String(), d.Line, with("kind", kind))
			} else if kind != "" {
				s.add("new-deployable", d.Get("name").String(), d.Line, with("kind", kind))
			}
		}
	}
}

// describes are texts that each program has that describes infrastructure.
var describes = []string{"DistributedApplication", "aws-cdk", "aws_cdk", "awscdk", "Amazon.CDK", "ulumi"}

// program adds the facts of [programs].
func program(s *source) {
	if s.is(csharp, javascript, java, python, golang) && slices.ContainsFunc(describes, func(name string) bool { return bytes.Contains(s.text, []byte(name)) }) {
		s.match(programs)
	}
	if bicep.MatchString(s.path) || wrangler.MatchString(s.path) {
		s.match(files)
	}
}
