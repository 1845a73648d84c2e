package design

// processSinks start processes of the operating system.
func processSinks() []sink {
	const rule = "shell-exec"
	const text = `(?:"[^"$]*"|'[^']*')`
	constant := func(open string) []sinkSafety {
		return []sinkSafety{{all: rexes(open), says: "the command is constant"}}
	}
	return []sink{
		{rule: rule, in: langs(javascript), words: []string{"child_process"}, notPath: sinkTooling,
			re: rex(`(?:^|[^\w.$]|\b(?:child_process|childProcess|cp|node_child_process)\.)(?P<k>execSync|execFile|execFileSync|exec|spawn|spawnSync|fork)\(`), imports: rex(`['"](?:node:)?child_process['"]`),
			safe: constant(`\((?:"[^"]*"|'[^']*'|\x60[^$\x60]*\x60)\s*(?:,\s*\[(?:\s*` + text + `\s*,?)*\]\s*)?(?:,\s*\{[^{}]*\}\s*)?\)?$`)},
		{rule: rule, in: langs(javascript), words: []string{"execa", "shelljs", "zx"}, notPath: sinkTooling, strings: true, once: true, re: rex(`(?:from|require\()\s*['"](?P<k>execa|shelljs|zx)['"]`)},
		{rule: rule, in: langs(python), words: []string{"subprocess", "os.system", "os.popen", "os.exec", "create_subprocess"}, notPath: sinkTooling,
			re:   rex(`\b(?P<k>subprocess\.(?:run|Popen|call|check_call|check_output|getoutput|getstatusoutput)|os\.(?:system|popen|exec[lv]p?e?)|asyncio\.create_subprocess_\w+)\(`),
			safe: constant(`\(\s*(?:\[(?:\s*` + text + `\s*,?)*\s*\]|` + text + `)\s*(?:,\s*\w+\s*=[^=].*)?\)$`)},
		{rule: rule, in: langs(java), words: []string{".exec(", "ProcessBuilder("}, notPath: sinkTooling, re: rex(`\b(?P<k>Runtime\.getRuntime\(\)\.exec|new ProcessBuilder|(?:^|\b)ProcessBuilder)\(`), skip: rex(`^ProcessBuilder\(\s*\)`),
			safe: constant(`\((?:\s*"[^"$]*"\s*,?)+\)$`)},
		{rule: rule, in: langs(ruby), words: []string{"Open3", "IO.popen", "system", "%x"}, notPath: sinkTooling, re: rex(`\b(?P<k>Open3\.\w+|IO\.popen|Kernel\.system)\b|(?m:^\s*)(?:\w+\s*=\s*)?(?P<s>system)\(|%x[{(\[]`), safe: constant(`\((?:\s*(?:"[^"#]*"|'[^']*')\s*,?)+\)$`)},
		{rule: rule, in: langs(csharp), words: []string{"Process.Start(", "ProcessStartInfo"}, notPath: sinkTooling, re: rex(`\b(?P<k>Process\.Start|new ProcessStartInfo)\b`), skip: rex(`Process\.Start\(\s*(?:psi|startInfo|processStartInfo|info)\s*\)|Process\.Start\(\s*\)`), safe: constant(`\((?:\s*"[^"]*"\s*,?)+\)$`)},
		{rule: rule, in: langs(php), words: []string{"exec(", "passthru(", "system(", "proc_open(", "popen(", "new Process("}, notPath: sinkTooling, re: rex(`(?:^|[^\w>:$])(?P<k>shell_exec|exec|passthru|system|proc_open|popen)\(|\bnew (?P<p>Process)\(`), skip: rex(`^function `), safe: constant(`\(\s*'[^']*'\s*\)$`)},
		{rule: rule, in: langs(rust), words: []string{"Command::new("}, notPath: rex(sinkTooling.String() + `|(^|/)build\.rs$|(^|/)xtask/`), imports: rex(`process::(?:\{[^}]*)?Command|process::Command`), re: rex(`\b(?P<k>(?:std::process::|tokio::process::|process::)?Command::new)\(`)},
	}
}

// objectSinks are deserializers that can create any object.
func objectSinks() []sink {
	const rule = "unsafe-deserialization"
	return []sink{
		{rule: rule, in: langs(python), words: []string{"pickle", "dill", "yaml", "marshal", "jsonpickle", "shelve", "torch.load", "joblib"}, notPath: sinkScripts,
			re: rex(`\b(?P<k>(?:c?[pP]ickle|dill|cloudpickle)\.(?:loads?|Unpickler)|yaml\.(?:load|load_all|unsafe_load|full_load)|marshal\.loads?|jsonpickle\.decode|shelve\.open|torch\.load|joblib\.load)\(`), skip: rex(`SafeLoader|CSafeLoader|BaseLoader|weights_only\s*=\s*True`)},
		{rule: rule, in: langs(java), words: []string{"ObjectInputStream(", "DefaultTyping(", "XMLDecoder(", "XStream(", "new Yaml(", "Id.CLASS"},
			re: rex(`\bnew\s+(?P<k>ObjectInputStream|XMLDecoder|XStream)\(|\b(?P<t>enableDefaultTyping|activateDefaultTyping)\(|\bJsonTypeInfo\.Id\.(?P<c>CLASS)\b|\bnew (?P<y>Yaml)\(\s*\)`), safe: []sinkSafety{{file: true, all: rexes(`ObjectInputFilter|SafeConstructor|allowTypes|PolymorphicTypeValidator`), says: "the file allows only listed types"}}},
		{rule: rule, in: langs(csharp), words: []string{"BinaryFormatter", "NetDataContractSerializer", "LosFormatter", "TypeNameHandling", "SoapFormatter"},
			re: rex(`\bnew\s+(?P<k>BinaryFormatter|NetDataContractSerializer|LosFormatter|SoapFormatter)\(|\b(?P<t>TypeNameHandling\.(?:All|Auto|Objects))\b`)},
		{rule: rule, in: langs(ruby), words: []string{"Marshal.load", "YAML.load", "YAML.unsafe_load", "Oj."}, re: rex(`\b(?P<k>Marshal\.load|YAML\.(?:load|unsafe_load|unsafe_load_file)|Psych\.unsafe_load)\b`), notPath: rex(`(?i)(^|/)(config|lib/tasks|scripts?|bin)/`), skip: rex(`permitted_classes`)},
		{rule: rule, in: langs(javascript), words: []string{"node-serialize", "unserialize(", "v8"}, re: rex(`\b(?P<k>v8\.deserialize)\(|(?:^|[^\w.])(?P<u>unserialize)\(`), notPath: sinkScripts},
		{rule: rule, in: langs(php), words: []string{"unserialize("}, re: rex(`(?:^|[^\w>:$])(?P<k>unserialize)\(`), skip: rex(`allowed_classes`)},
	}
}

// evalSinks evaluate code.
func evalSinks() []sink {
	const rule = "dynamic-code"
	return []sink{
		{rule: rule, in: langs(javascript), words: []string{"eval(", "Function(", "vm", "$where"}, notPath: sinkTooling, re: rex(`(?:^|[^\w.$])(?P<k>eval|new Function)\(`), skip: rex(`^.?eval\(\s*\)|^\s*eval\(\w*\)\s*\{`)},
		{rule: rule, in: langs(javascript), words: []string{"vm2", "node:vm", "'vm'", `"vm"`, "isolated-vm"}, notPath: sinkTooling, strings: true, once: true, re: rex(`(?:from|require\()\s*['"](?P<k>vm2|vm|node:vm|isolated-vm|quickjs-emscripten)['"]`)},
		{rule: rule, in: langs(python), words: []string{"eval(", "exec(", "from_string(", "render_template_string("}, notPath: sinkTooling, re: rex(`(?m)(?:^|[\s=(,\[])(?P<k>eval|exec|render_template_string)\(`), skip: rex(`(?i)def (eval|exec)|^\s*(?:eval|exec)\(\s*(?:self)?\s*\)`)},
		{rule: rule, in: langs(python), words: []string{"from_string("}, notPath: sinkTooling, imports: rex(`jinja2`), re: rex(`\.(?P<k>from_string)\(`), safe: []sinkSafety{{file: true, all: rexes(`SandboxedEnvironment`), says: "the environment is a sandbox"}}},
		{rule: rule, in: langs(java), words: []string{"SpelExpressionParser(", "ScriptEngineManager(", "GroovyShell(", "JexlBuilder(", "Ognl.", "GroovyClassLoader("}, notPath: sinkTooling, re: rex(`\bnew\s+(?P<k>SpelExpressionParser|ScriptEngineManager|GroovyShell|JexlBuilder|GroovyClassLoader)\(|\b(?P<o>Ognl\.\w+)\(`)},
		{rule: rule, in: langs(ruby), words: []string{"eval", "ERB.new"}, notPath: sinkTooling, re: rex(`\b(?P<k>instance_eval|class_eval)\(|(?m:^|\s)(?P<e>eval)\(|\b(?P<t>ERB\.new)\(`), skip: rex(`ERB\.new\(\s*(?:File|IO)\.read|_eval\(\s*&`)},
		{rule: rule, in: langs(csharp), words: []string{"CSharpScript.", "CompileAssemblyFromSource(", "DynamicExpressionParser."}, notPath: sinkTooling, re: rex(`\b(?P<k>CSharpScript\.\w+|CompileAssemblyFromSource|DynamicExpressionParser\.\w+)\b`)},
		{rule: rule, in: langs(php), words: []string{"eval(", "create_function("}, notPath: sinkTooling, re: rex(`(?:^|[^\w>:$])(?P<k>eval|create_function)\(`)},
		{rule: rule, in: langs(rust), words: []string{"rhai", "mlua", "deno_core", "rquickjs"}, notPath: sinkTooling, once: true, re: rex(`(?m)^\s*use\s+(?P<k>rhai|mlua|deno_core|rquickjs)\b`)},
	}
}

// xmlSinks parse XML.
func xmlSinks() []sink {
	const rule = "xml-parser"
	hardenedJava := []sinkSafety{{file: true, all: rexes(`disallow-doctype-decl|FEATURE_SECURE_PROCESSING|SUPPORT_DTD|ACCESS_EXTERNAL_DTD|IS_SUPPORTING_EXTERNAL_ENTITIES|external-general-entities`), says: "the file switches DTDs or external entities off"}}
	return []sink{
		{rule: rule, in: langs(java), words: []string{"DocumentBuilderFactory", "SAXParserFactory", "XMLInputFactory", "SAXReader(", "TransformerFactory", "createUnmarshaller("}, notPath: sinkTooling,
			re: rex(`\b(?P<k>DocumentBuilderFactory\.new\w+|SAXParserFactory\.new\w+|XMLInputFactory\.new\w+|new SAXReader|TransformerFactory\.newInstance|createUnmarshaller)\(`), safe: hardenedJava},
		{rule: rule, in: langs(javascript), words: []string{"libxmljs", "xml2js", "fast-xml-parser", "xmldom"}, notPath: sinkTooling, strings: true, once: true, re: rex(`(?:from|require\()\s*['"](?P<k>libxmljs2?|xml2js|fast-xml-parser|xmldom|@xmldom/xmldom)['"]`),
			safe: []sinkSafety{{file: true, all: rexes(`['"](?:xml2js|fast-xml-parser)['"]`), says: "the parser resolves no external entities"}}, unless: rex(`^import \{ XMLBuilder \}`)},
		{rule: rule, in: langs(python), words: []string{"lxml", "xml"}, notPath: sinkTooling, once: true, re: rex(`(?m)^\s*(?:from\s+(?P<k>lxml(?:\.etree)?|xml\.etree(?:\.c?ElementTree)?|xml\.sax|xml\.dom\.\w+)\s+import|import\s+(?P<i>lxml\.etree|xml\.\w+(?:\.\w+)*))`), imports: rex(`\b(?:f?rom|i)?parse(?:String)?\(|\bfromstring\(|\bXML\(|\biterparse\(|\bXMLParser\(|\bmake_parser\(`), unless: rex(`(?m)^\s*(?:from|import)\s+defusedxml`),
			safe: []sinkSafety{{file: true, all: rexes(`resolve_entities\s*=\s*False`), says: "the parser resolves no entities"}}},
		{rule: rule, in: langs(csharp), words: []string{"DtdProcessing.Parse"}, notPath: sinkTooling, re: rex(`\b(?P<k>XmlReader\.Create)\(`)},
		{rule: rule, in: langs(csharp), words: []string{"XmlDocument(", "XDocument.Load"}, notPath: sinkTooling, re: rex(`\b(?P<k>new XmlDocument|XDocument\.Load(?:Async)?)\(`), safe: []sinkSafety{{file: true, all: rexes(`DtdProcessing\.Prohibit|XmlResolver\s*=\s*null`), says: "the file switches DTDs or the resolver off"}}},
		{rule: rule, in: langs(ruby), words: []string{"Nokogiri::XML", "REXML::Document"}, notPath: sinkTooling, re: rex(`\b(?P<k>Nokogiri::XML(?:\.parse)?|REXML::Document\.new)\(`), skip: rex(`Nokogiri::XML\.fragment`), safe: []sinkSafety{{all: rexes(`NONET|nonet`), says: "the parser has no network"}}},
		{rule: rule, in: langs(php), words: []string{"simplexml_load_", "DOMDocument", "XMLReader"}, notPath: sinkTooling, re: rex(`\b(?P<k>simplexml_load_(?:string|file))\(|->(?P<l>loadXML)\(|\bXMLReader::(?P<x>open|XML)\(`)},
	}
}

// nativeSinks leave the memory-safe language.
func nativeSinks() []sink {
	const rule = "native-unsafe"
	return []sink{
		{rule: rule, in: langs(python), words: []string{"ctypes", "cffi"}, once: true, re: rex(`\b(?P<k>ctypes\.(?:CDLL|cdll|windll|WinDLL|PyDLL))\b|(?m:^\s*)(?:from|import)\s+(?P<f>cffi)\b`)},
		{rule: rule, in: langs(java), words: []string{"System.load", "sun.misc.Unsafe", "Native.load(", "SymbolLookup"}, re: rex(`\b(?P<k>System\.load(?:Library)?|Native\.load(?:Library)?|SymbolLookup\.\w+)\(|\bsun\.misc\.(?P<u>Unsafe)\b`)},
		{rule: rule, in: langs(csharp), words: []string{"DllImport(", "LibraryImport("}, re: rex(`\[(?P<k>DllImport|LibraryImport)\(`)},
		{rule: rule, in: langs(rust), words: []string{"unsafe"}, re: rex(`\b(?P<k>unsafe\s*(?:\{|fn\b|impl\b))`)},
		{rule: rule, in: langs(javascript), words: []string{"ffi-napi", "koffi", "bun:ffi", "node-gyp-build", "bindings"}, strings: true, once: true, re: rex(`(?:from|require\()\s*['"](?P<k>ffi-napi|koffi|bun:ffi|node-gyp-build|bindings)['"]`)},
		{rule: rule, in: langs(ruby), words: []string{"FFI::Library", "Fiddle"}, once: true, re: rex(`\b(?P<k>FFI::Library|Fiddle\.dlopen)\b`)},
		{rule: rule, in: langs(php), words: []string{"FFI::"}, re: rex(`\b(?P<k>FFI::(?:cdef|load|scope))\(`)},
	}
}
