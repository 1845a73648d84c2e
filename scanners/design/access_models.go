package design

// modelSinks talk to language models, or serve tools to one.
func modelSinks() []sink {
	const rule = "llm-call"
	const hosts = `\b(?P<k>api\.openai\.com|openai\.azure\.com|api\.anthropic\.com|generativelanguage\.googleapis\.com|api\.mistral\.ai|api\.cohere\.(?:ai|com)|api\.groq\.com|api\.deepseek\.com|api\.together\.xyz|openrouter\.ai/api|api-inference\.huggingface\.co)\b`
	return []sink{
		{rule: rule, in: langs(javascript), words: []string{"openai", "anthropic", "@google/gen", "bedrock", "langchain", "ai-sdk", "ollama", "groq", "mistral", "cohere", "llamaindex", "'ai'", `"ai"`}, strings: true, search: true, notPath: modelDemos,
			re: rex(`(?m)(?:^\s*(?:import|export)\s[^;\n]*from\s*|^\}\s*from\s*|\brequire\(\s*|\bimport\(\s*|^import\s*)['"](?P<k>openai|@anthropic-ai/(?:sdk|claude-agent-sdk|bedrock-sdk|vertex-sdk)|@google/(?:generative-ai|genai)|@google-cloud/vertexai|@azure/openai|@aws-sdk/client-bedrock-(?:agent-)?runtime|langchain|@langchain/(?:openai|anthropic|core|community|google-genai|aws|ollama|langgraph)|@ai-sdk/[\w-]+|ollama|groq-sdk|@mistralai/mistralai|cohere-ai|llamaindex)(?:/[\w./-]+)?['"]`)},
		{rule: rule, in: langs(javascript), words: []string{"'ai'", `"ai"`}, strings: true, once: true, notPath: modelDemos,
			re: rex(`(?m)^\s*(?:import\s[^;\n]*\b(?:generateText|streamText|generateObject|streamObject|convertToCoreMessages|embed)\b[^;\n]*)from\s*(?P<k>['"]ai['"])`), search: true, quoted: true},
		{rule: rule, in: langs(python), words: []string{"openai", "anthropic", "google", "langchain", "llama_index", "litellm", "vertexai", "mistralai", "cohere", "ollama", "groq", "langgraph", "pydantic_ai"}, search: true, notPath: modelDemos,
			re: rex(`(?m)^\s*(?:from|import)\s+(?P<k>openai|anthropic|google\.generativeai|google\.genai|langchain\w*|langgraph|llama_index|litellm|vertexai|mistralai|cohere|ollama|groq|pydantic_ai|semantic_kernel)\b`)},
		{rule: rule, in: langs(python), words: []string{"bedrock-runtime"}, strings: true, search: true, re: rex(`['"](?P<k>bedrock-runtime)['"]`)},
		{rule: rule, in: langs(java), words: []string{"langchain4j", "springframework.ai", "com.openai", "theokanning", "BedrockRuntime", "com.azure.ai.openai"}, search: true, re: rex(`(?m)^\s*import\s+(?:static\s+)?(?P<k>dev\.langchain4j|org\.springframework\.ai|com\.openai|com\.theokanning\.openai|com\.azure\.ai\.openai|com\.google\.genai|com\.anthropic|software\.amazon\.awssdk\.services\.bedrockruntime)\b`)},
		{rule: rule, in: langs(csharp), words: []string{"using "}, search: true, re: rex(`(?m)^\s*(?:global\s+)?using\s+(?P<k>Azure\.AI\.OpenAI|Microsoft\.Extensions\.AI|Microsoft\.SemanticKernel|OpenAI|Anthropic(?:\.SDK)?|OllamaSharp|Amazon\.BedrockRuntime)\b[\w.]*;`)},
		{rule: rule, in: langs(ruby), words: []string{"OpenAI::Client", "Anthropic::Client", "RubyLLM", "Langchain::"}, search: true, re: rex(`\b(?P<k>OpenAI::Client|Anthropic::Client|RubyLLM|Langchain::LLM)\b`)},
		{rule: rule, in: langs(php), words: []string{"OpenAI", "Anthropic", "Prism"}, search: true, re: rex(`(?m)^use\s+(?P<k>OpenAI\\[\w\\]+|Anthropic\\[\w\\]+|Prism\\Prism|EchoLabs\\Prism)|\b(?P<c>OpenAI::client)\(`)},
		{rule: rule, in: langs(rust), words: []string{"async_openai", "rig", "ollama_rs"}, search: true, re: rex(`(?m)^\s*use\s+(?P<k>async_openai|ollama_rs|rig::providers)\b`)},
		{rule: rule, in: langs(csharp, golang, java, javascript, python, ruby, rust, php), words: []string{"api.", "openai.azure.com", "googleapis", "openrouter.ai"}, strings: true, search: true, notPath: rex(modelDemos.String() + `|` + pageFile.String()), re: rex(hosts)},
		{rule: rule, in: langs(javascript, python), words: []string{"registerTool(", "erver.tool(", "mcp.tool", ".tool()"}, strings: true, prefix: "MCP tool ", search: true, imports: rex(`modelcontextprotocol|\bFastMCP\b|\bfastmcp\b|\bmcp\b`),
			re: rex(`\b(?:server|mcpServer|mcp|this\.server|this\.mcp)\.(?:registerTool|tool|addTool)\(\s*['"](?P<k>[\w./-]+)['"]|@(?:mcp|server|app)\.tool(?:\([^)\n]*\))?\s*\n(?:\s*@[^\n]*\n)*\s*(?:async\s+)?def\s+(?P<d>\w+)`)},
		{rule: rule, in: langs(csharp), words: []string{"McpServerTool"}, prefix: "MCP tool ", search: true, strings: true, re: rex(`\[McpServerTool\([^\])]*Name\s*=\s*"(?P<k>[\w./-]+)"`)},
	}
}

// modelDemos are evaluations and scripts.
var modelDemos = rex(`(?i)(^|/)(scripts?|hack|evals?|notebooks?|cookbook|\.github)(/|$)`)

// jobSinks run something at a time.
func jobSinks() []sink {
	const rule = "scheduled-job"
	return []sink{
		{rule: rule, in: langs(java), words: []string{"@Scheduled"}, strings: true, re: rex(`@Scheduled\b(?:\((?:[^()]|\([^()]*\))*\))?\s*(?:@[\w.]+(?:\([^()]*\))?\s*)*[\w<>\[\], ]*?\b(?P<m>\w+)\s*\(`)},
		{rule: rule, in: langs(javascript), words: []string{"@Cron(", "cron.schedule(", "new CronJob(", "@Interval(", "CronJob.from(", "node-cron", "scheduleJob("}, strings: true, re: rex(`@(?:Cron|Interval)\((?:[^()]|\([^()]*\))*\)\s*(?:@\w+(?:\([^()]*\))?\s*)*(?:public\s+|private\s+|protected\s+)?(?:async\s+)?(?P<m>\w+)\s*\(|\b(?P<c>cron\.schedule|new CronJob|CronJob\.from|schedule\.scheduleJob)\(`)},
		{rule: rule, in: langs(python), words: []string{"beat_schedule", "periodic_task", "add_job(", "CELERYBEAT_SCHEDULE", "BEAT_SCHEDULE", "add_periodic_task(", "crontab("}, strings: true, re: rex(`@(?P<k>periodic_task)\b|\b(?P<a>\w*[sS]ched\w*\.add_job|add_periodic_task)\(|['"](?P<n>[\w.: -]+)['"]\s*:\s*\{\s*['"]task['"]\s*:`)},
		{rule: rule, in: langs(csharp), words: []string{"RecurringJob.", "AddHostedService<", "IRecurringJobManager", "AddJob<"}, strings: true, re: rex(`\bRecurringJob\.AddOrUpdate(?:<(?P<k>\w+)>)?\(\s*(?:"(?P<s>[^"]*)")?|\bAddHostedService<(?P<h>[\w.]+)>|\bAddJob<(?P<j>[\w.]+)>`)},
		{rule: rule, in: langs(ruby), words: []string{"every", "cron"}, path: rex(`(^|/)config/(schedule|clock|recurring)\.rb$`), strings: true, re: rex(`(?m)^\s*every[ (][^\n]+|^\s*(?:rake|runner|command)\s+['"](?P<k>[^'"]+)['"]`)},
		{rule: rule, in: langs(php), words: []string{"$schedule->", "Schedule::"}, strings: true, re: rex(`(?:\$schedule->|\bSchedule::)(?:command|job|call|exec)\(\s*(?:new\s+)?['"]?(?P<k>[\w:. \\-]*)`)},
		{rule: rule, in: langs(rust), words: []string{"tokio_cron_scheduler", "Job::new"}, imports: rex(`tokio_cron_scheduler`), re: rex(`\b(?P<k>Job::new\w*)\(`)},
		{rule: rule, in: langs(hcl), words: []string{"google_cloud_scheduler_job", "aws_scheduler_schedule", "aws_cloudwatch_event_rule"}, strings: true, re: rex(`(?m)^\s*resource\s+"(?:google_cloud_scheduler_job|aws_scheduler_schedule)"\s+"(?P<k>[\w-]+)"`)},
		{rule: rule, in: langs(hcl), words: []string{"schedule_expression"}, strings: true, notPath: rex(`variables\.tf$`), imports: rex(`"aws_cloudwatch_event_rule"|"aws_scheduler_schedule"`), re: rex(`(?ms)^resource\s+"aws_cloudwatch_event_rule"\s+"(?P<k>[\w-]+)"\s*\{.{0,600}?^\s*schedule_expression\s*=`)},
	}
}
