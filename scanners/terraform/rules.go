package terraform

import (
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
)

const (
	whyOpen = "Attackers scan the whole internet, find an open port within minutes, and try passwords and known flaws on it."
	whyData = "Anybody with the address can read what is stored there, now and later."
)

// The sections are those of the CIS Foundations Benchmarks: AWS 3.0, Google Cloud 3.0, Azure 2.0.
var (
	awsIngress = infra.Rule{
		ID: "aws-open-ingress", Severity: scanners.High, Title: "Port open to the internet", Why: whyOpen,
		Help: "Allow only the address ranges that need the port. Administer machines through Session Manager or a VPN.",
		URL:  "https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html", CWE: "CWE-284", Source: "CIS AWS 5.2 and 5.3",
		Aliases: []string{"AVD-AWS-0107", "CKV_AWS_24", "CKV_AWS_25"},
	}
	gcpIngress = infra.Rule{
		ID: "gcp-open-ingress", Severity: scanners.High, Title: "Port open to the internet", Why: whyOpen,
		Help: "Allow only the address ranges that need the port. Administer machines through Identity-Aware Proxy (35.235.240.0/20) or a VPN.",
		URL:  "https://cloud.google.com/firewall/docs/firewalls", CWE: "CWE-284", Source: "CIS Google Cloud 3.6 and 3.7",
		Aliases: []string{"AVD-GCP-0027", "AVD-GCP-0070", "AVD-GCP-0071", "AVD-GCP-0072", "CKV_GCP_2", "CKV_GCP_3", "CKV_GCP_88"},
	}
	azureIngress = infra.Rule{
		ID: "azure-open-ingress", Severity: scanners.High, Title: "Port open to the internet", Why: whyOpen,
		Help: "Allow only the address ranges that need the port. Administer machines through Azure Bastion or a VPN.",
		URL:  "https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview", CWE: "CWE-284", Source: "CIS Azure 6.1 and 6.2",
		Aliases: []string{"AVD-AZU-0047", "AVD-AZU-0048", "AVD-AZU-0050", "CKV_AZURE_10", "CKV_AZURE_9"},
	}
	openDatabase = infra.Rule{
		ID: "open-database", Severity: scanners.High, Title: "Database open to the internet", Why: whyOpen,
		Help: "Allow only the addresses that need the database, or use a private address.",
		URL:  "https://cloud.google.com/sql/docs/mysql/authorize-networks", CWE: "CWE-284", Source: "CIS Google Cloud 6.5, CIS Azure 4.1.2",
		Aliases: []string{"AVD-AZU-0022", "AVD-AZU-0029", "AVD-GCP-0017", "CKV_AZURE_11", "CKV_GCP_11"},
	}
	publicBucket = infra.Rule{
		ID: "public-bucket", Severity: scanners.High, Title: "Storage open to everybody", Why: whyData,
		Help: "Keep the storage private. Serve public files through a content delivery network or signed URLs.",
		URL:  "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html", CWE: "CWE-732",
		Aliases: []string{"AVD-AWS-0092", "AVD-AZU-0007", "AVD-GCP-0001", "CKV_AWS_20", "CKV_AWS_57", "CKV_AZURE_190", "CKV_AZURE_34", "CKV_AZURE_59", "CKV_GCP_28"},
	}
	accessBlock = infra.Rule{
		ID: "public-access-block-off", Severity: scanners.Medium, Title: "Public access is not blocked",
		Why:  "One wrong policy or ACL then opens the bucket to everybody.",
		Help: "Set all four settings to `true`.",
		URL:  "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html", CWE: "CWE-732", Source: "CIS AWS 2.1.4",
		Aliases: []string{"AVD-AWS-0086", "AVD-AWS-0087", "AVD-AWS-0091", "AVD-AWS-0093", "CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56"},
	}
	publicDatabase = infra.Rule{
		ID: "public-database", Severity: scanners.High, Title: "Database with a public address", Why: whyOpen,
		Help: "Switch the public address off (`publicly_accessible = false`, in Google Cloud `ipv4_enabled = false`). Reach the database through the private network or a VPN.",
		URL:  "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html", CWE: "CWE-284", Source: "CIS AWS 2.3.3",
		Aliases: []string{"AVD-AWS-0082", "AVD-AWS-0180", "CKV_AWS_17", "CKV_AWS_87"},
	}
	encryption = infra.Rule{
		ID: "encryption-off", Severity: scanners.Medium, Title: "Data is stored unencrypted",
		Why:  "Anybody who gets a copy, a snapshot or a discarded disk can read the data.",
		Help: "Switch encryption on. Existing data needs a new volume or database, made from an encrypted snapshot.",
		URL:  "https://docs.aws.amazon.com/prescriptive-guidance/latest/encryption-best-practices/welcome.html", CWE: "CWE-311",
		Aliases: []string{"AVD-AWS-0008", "AVD-AWS-0026", "AVD-AWS-0037", "AVD-AWS-0079", "AVD-AWS-0080", "AVD-AWS-0084", "AVD-AWS-0131", "CKV_AWS_16", "CKV_AWS_3", "CKV_AWS_42", "CKV_AWS_64", "CKV_AWS_8", "CKV_AWS_96"},
	}
	adminPolicy = infra.Rule{
		ID: "iam-admin-policy", Severity: scanners.High, Title: "Policy that allows everything",
		Why:  "One leaked key with this policy gives the whole account away.",
		Help: "Allow only the actions and resources that are needed. IAM Access Analyzer can write a policy from what was really used.",
		URL:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege", CWE: "CWE-269", Source: "CIS AWS 1.16",
		Aliases: []string{"AVD-AWS-0057", "CKV_AWS_1", "CKV_AWS_62", "CKV_AWS_63"},
	}
	credentials = infra.Rule{
		ID: "hardcoded-credentials", Severity: scanners.High, Title: "Credentials in the configuration",
		Why:  "Anybody who can read the repository can use them.",
		Help: "**Replace them where they are used.** Then read them from the environment, a secret store or a variable marked `sensitive`. With `manage_master_user_password`, RDS keeps the password itself.",
		URL:  "https://developer.hashicorp.com/terraform/language/providers/configuration", CWE: "CWE-798",
		Aliases: []string{"CKV_AWS_41"},
	}
	defaultPassword = infra.Rule{
		ID: "hardcoded-credentials", Severity: scanners.Low, Title: "Password in the configuration",
		Why:  "Anybody who can read the repository knows it, and it is in use wherever nobody sets another.",
		Help: "Remove the default and mark the variable `sensitive`, so that each use has to set a password. If this one is in use, replace it there.",
		URL:  "https://developer.hashicorp.com/terraform/tutorials/configuration-language/sensitive-variables", CWE: "CWE-798",
	}
	assignedPassword = infra.Rule{
		ID: "hardcoded-credentials", Severity: scanners.Low, Title: "Password in the configuration",
		Why:  "Anybody who can read the repository knows it.",
		Help: "**Replace it where it is used.** Then set it in the environment as `TF_VAR_` and the variable's name, or read it from a secret store.",
		URL:  "https://developer.hashicorp.com/terraform/tutorials/configuration-language/sensitive-variables", CWE: "CWE-798",
	}
	rotation = infra.Rule{
		ID: "kms-rotation-off", Severity: scanners.Medium, Title: "Key is never rotated",
		Why:  "A key that leaks opens everything that was ever encrypted with it.",
		Help: "Set `enable_key_rotation = true`, in Google Cloud `rotation_period`. The old key material stays for what it encrypted.",
		URL:  "https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html", CWE: "CWE-320", Source: "CIS AWS 3.6",
		Aliases: []string{"AVD-AWS-0065", "CKV_AWS_7"},
	}
	imds = infra.Rule{
		ID: "imdsv1", Severity: scanners.Medium, Title: "Instance metadata without a token",
		Why:  "An attacker who makes a program fetch a URL (SSRF) gets the credentials of the machine.",
		Help: "Set `http_tokens = \"required\"`.",
		URL:  "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-IMDS-new-instances.html", CWE: "CWE-918", Source: "CIS AWS 5.6",
		Aliases: []string{"AVD-AWS-0028", "AVD-AWS-0130", "CKV_AWS_79"},
	}
	clusterEndpoint = infra.Rule{
		ID: "public-cluster-endpoint", Severity: scanners.Medium, Title: "Cluster API open to the internet",
		Why:  "Anybody can use a leaked token or a flaw of the API server, from anywhere.",
		Help: "Allow only the address ranges of the administrators, or use only the private endpoint.",
		URL:  "https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html", CWE: "CWE-284",
		Aliases: []string{"AVD-AWS-0041", "AVD-GCP-0053", "CKV_AWS_38"},
	}
	plainHTTP = infra.Rule{
		ID: "plain-http", Severity: scanners.Medium, Title: "Unencrypted connections are allowed",
		Why:  "Anybody on the network between can read and change what is sent, including keys.",
		Help: "Allow encrypted connections only.",
		URL:  "https://learn.microsoft.com/azure/storage/common/storage-require-secure-transfer", CWE: "CWE-319", Source: "CIS Azure 3.1",
		Aliases: []string{"AVD-AWS-0012", "AVD-AZU-0008", "CKV_AWS_34", "CKV_AZURE_14", "CKV_AZURE_28", "CKV_AZURE_29", "CKV_AZURE_3"},
	}
	weakTLS = infra.Rule{
		ID: "weak-tls", Severity: scanners.Medium, Title: "Outdated version of TLS",
		Why:  "TLS before 1.2 has known attacks. RFC 8996 withdrew it.",
		Help: "Require TLS 1.2 or later.",
		URL:  "https://www.rfc-editor.org/rfc/rfc8996", CWE: "CWE-326",
		Aliases: []string{"AVD-AWS-0013", "AVD-AWS-0047", "AVD-AZU-0011", "AVD-AZU-0026", "AVD-GCP-0039", "CKV_AWS_103", "CKV_AWS_174", "CKV_AWS_228", "CKV_AZURE_15", "CKV_AZURE_44", "CKV_AZURE_52"},
	}
	auditLog = infra.Rule{
		ID: "audit-log-off", Severity: scanners.Medium, Title: "Audit log is incomplete",
		Why:  "After an attack, nobody can find out what was done.",
		Help: "Set `enable_logging`, `enable_log_file_validation` and `is_multi_region_trail` to `true`.",
		URL:  "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/best-practices-security.html", CWE: "CWE-778", Source: "CIS AWS 3.1 and 3.2",
		Aliases: []string{"AVD-AWS-0014", "AVD-AWS-0016", "CKV_AWS_36", "CKV_AWS_67"},
	}
	clusterAccess = infra.Rule{
		ID: "legacy-cluster-access", Severity: scanners.High, Title: "Cluster without role-based access",
		Why:  "Anybody who gets into the cluster can do everything in it.",
		Help: "Use Kubernetes RBAC. In Azure, this needs a new cluster. In Google Cloud, set `enable_legacy_abac = false`.",
		URL:  "https://kubernetes.io/docs/concepts/security/rbac-good-practices/", CWE: "CWE-285",
		Aliases: []string{"AVD-AZU-0042", "AVD-GCP-0062", "CKV_AZURE_5", "CKV_GCP_7"},
	}
	publicRights = infra.Rule{
		ID: "public-bucket", Severity: scanners.High, Title: "Rights given to everybody", Why: "Anybody can use the role, and you do not know who does.",
		Help: "Grant the role only to the people, groups and service accounts that need it.",
		URL:  "https://cloud.google.com/iam/docs/principals-overview", CWE: "CWE-732",
		Aliases: publicBucket.Aliases,
	}
	servicePolicy = infra.Rule{
		ID: "iam-service-wildcard", Severity: scanners.Medium, Title: "Policy that allows everything in a service",
		Why:  "One leaked key with this policy can read, change and delete everything in these services.",
		Help: "Allow only the actions and resources that are needed. IAM Access Analyzer can write a policy from what was really used.",
		URL:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege", CWE: "CWE-269",
		Aliases: []string{"AVD-AWS-0057", "CKV_AWS_111", "CKV_AWS_290", "CKV_AWS_356"},
	}
	adminRole = infra.Rule{
		ID: "iam-admin-policy", Severity: scanners.High, Title: "Role that allows everything",
		Why:  "One leaked credential with this role gives the whole subscription away.",
		Help: "Allow only the actions that are needed, such as `Microsoft.Storage/storageAccounts/read`.",
		URL:  "https://learn.microsoft.com/azure/role-based-access-control/best-practices", CWE: "CWE-269", Source: "CIS Azure 1.23",
		Aliases: []string{"AVD-AZU-0030", "CKV_AZURE_39"},
	}
	serialPort = infra.Rule{
		ID: "gcp-serial-port", Severity: scanners.Medium, Title: "Serial port open to the internet",
		Why:  "Firewall rules do not protect the serial port. Anybody with a key of the machine can connect from any address.",
		Help: "Set `serial-port-enable` to `false`. Switch it on by hand while you search for a fault.",
		URL:  "https://cloud.google.com/compute/docs/troubleshooting/troubleshooting-using-serial-console", CWE: "CWE-284", Source: "CIS Google Cloud 4.5",
		Aliases: []string{"AVD-GCP-0032", "CKV_GCP_35"},
	}
	osLogin = infra.Rule{
		ID: "gcp-os-login-off", Severity: scanners.Medium, Title: "OS Login is off",
		Why:  "SSH keys in the metadata stay valid after a person leaves, and need no second factor.",
		Help: "Set `enable-oslogin = \"TRUE\"`.",
		URL:  "https://cloud.google.com/compute/docs/oslogin", CWE: "CWE-284", Source: "CIS Google Cloud 4.4",
		Aliases: []string{"AVD-GCP-0036", "AVD-GCP-0042", "CKV_GCP_33", "CKV_GCP_34"},
	}
	ipForwarding = infra.Rule{
		ID: "gcp-ip-forwarding", Severity: scanners.Low, Title: "Machine may forward packets",
		Why:  "An attacker on the machine can pretend to be another machine.",
		Help: "Set `can_ip_forward = false`, unless the machine is a router, a NAT gateway or a VPN gateway.",
		URL:  "https://cloud.google.com/vpc/docs/using-routes#canipforward", CWE: "CWE-290", Source: "CIS Google Cloud 4.6",
		Aliases: []string{"AVD-GCP-0043", "CKV_GCP_36"},
	}
	removed = infra.Rule{
		ID: "protection-removed", Severity: scanners.Medium, Title: "Protection removed",
		Why:  "What the setting prevented is now possible.",
		Help: "Restore the setting. If the protection is not needed, accept this finding and give the reason.",
		URL:  "https://developer.hashicorp.com/well-architected-framework", CWE: "CWE-693",
	}
	removedLow = lower(removed)
)

// lower returns the rule with a low severity.
func lower(r infra.Rule) infra.Rule {
	r.Severity = scanners.Low
	return r
}
