package design

import (
	"bytes"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

var (
	cfnStores = rex(`^AWS::(RDS::(DBInstance|DBCluster)|DynamoDB::(Table|GlobalTable)|Serverless::SimpleTable|S3::Bucket|SQS::Queue|SNS::Topic|Kinesis::Stream|KinesisFirehose::DeliveryStream|ElastiCache::(CacheCluster|ReplicationGroup|ServerlessCache)|EFS::FileSystem|OpenSearchService::Domain|Elasticsearch::Domain|Redshift::Cluster|DocDB::DBCluster|Neptune::DBCluster|MSK::Cluster|AmazonMQ::Broker)$`)
	cfnDoors  = rex(`^AWS::(ApiGateway::RestApi|ApiGatewayV2::Api|Serverless::(Api|HttpApi)|Lambda::Url|CloudFront::Distribution|AppRunner::Service|AppSync::GraphQLApi)$`)
	cfnUnits  = rex(`^AWS::(Lambda::Function|Serverless::Function|ECS::Service|AppRunner::Service)$`)
	cfnWho    = rex(`^AWS::IAM::(Role|User|Policy|ManagedPolicy|AccessKey|OIDCProvider)$`)
)

// cloudFormation adds the facts of a template of AWS CloudFormation or SAM.
func cloudFormation(s *source) {
	if !s.is(yaml, jsonText) || !bytes.Contains(s.text, []byte("AWS::")) {
		return
	}
	for _, n := range s.yaml() {
		for _, e := range n.Get("Resources").Pairs() {
			s.cfnResource(e)
		}
	}
}

func (s *source) cfnResource(e yamlpos.Entry) {
	kind, properties := e.Value.Get("Type").String(), e.Value.Get("Properties")
	key := strings.TrimPrefix(kind, "AWS::") + " " + e.Key
	var options []option
	switch {
	case cfnStores.MatchString(kind):
		service, _, _ := strings.Cut(strings.TrimPrefix(kind, "AWS::"), "::")
		s.add("datastore", key, e.Line, with("kind", strings.ToLower(service)))
	case cfnWho.MatchString(kind):
		s.add("iac-identity", key, e.Line)
	case cfnDoors.MatchString(kind):
		if properties.Get("AuthType").String() == "AWS_IAM" || properties.Get("Auth", "DefaultAuthorizer") != nil {
			options = append(options, closed("the resource names how callers authenticate"))
		}
		s.add("iac-entrypoint", key, e.Line, options...)
	}
	if cfnUnits.MatchString(kind) {
		s.add("new-deployable", e.Key, e.Line, with("kind", "function"))
	}
	for _, name := range []string{"StorageEncrypted", "Encrypted", "AtRestEncryptionEnabled"} {
		if v := properties.Get(name); v.False() {
			s.add("iac-encryption-off", key, v.Line)
		}
	}
	s.cfnOpen(key, properties)
}

// cfnOpen adds what a resource opens to the internet.
func (s *source) cfnOpen(key string, properties *yamlpos.Node) {
	if v := properties.Get("PubliclyAccessible"); v.True() {
		s.add("iac-public", key+" PubliclyAccessible", v.Line)
	}
	if v := properties.Get("AccessControl"); strings.HasPrefix(v.String(), "PublicRead") {
		s.add("iac-public", key+" "+v.String(), v.Line)
	}
	if v := properties.Get("AuthType"); v.String() == "NONE" {
		s.add("iac-public", key+" AuthType NONE", v.Line)
	}
	for _, rule := range properties.Get("SecurityGroupIngress").List() {
		for _, name := range []string{"CidrIp", "CidrIpv6"} {
			if v := rule.Get(name); everywhere(v.String()) {
				s.add("iac-public", strings.TrimSpace(key+" ingress from the internet port "+rule.Get("FromPort").String()), v.Line)
			}
		}
	}
}

// serverless adds the functions of the Serverless Framework, and those that are called by HTTP.
func serverless(s *source) {
	if base := baseOf(s.path); base != "serverless.yml" && base != "serverless.yaml" {
		return
	}
	for _, n := range s.yaml() {
		for _, f := range n.Get("functions").Pairs() {
			s.add("new-deployable", f.Key, f.Line, with("kind", "function"))
			if f.Value.Get("url") != nil {
				s.add("iac-entrypoint", f.Key+" url", f.Value.Get("url").Line)
			}
			for _, event := range f.Value.Get("events").List() {
				s.serverlessEvent(f.Key, event)
			}
		}
		for _, e := range n.Get("resources", "Resources").Pairs() {
			s.cfnResource(e)
		}
	}
}

func (s *source) serverlessEvent(function string, event *yamlpos.Node) {
	for _, kind := range []string{"http", "httpApi"} {
		v := event.Get(kind)
		if v == nil {
			continue
		}
		var options []option
		if v.Get("authorizer") != nil || v.Get("private").True() {
			options = append(options, closed("the event names an authorizer"))
		}
		route := v.String()
		if route == "" {
			route = strings.ToUpper(v.Get("method").String()) + " " + v.Get("path").String()
		}
		s.add("iac-entrypoint", function+" "+strings.TrimSpace(route), v.Line, options...)
	}
}
