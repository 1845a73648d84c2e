package threatmodel

import (
	"encoding/json"

	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// SchemaURL names the schema.
const SchemaURL = "https://raw.githubusercontent.com/secbydesign/secbydesign/main/app/threatmodel/schema.json"

type schema map[string]any

// Schema returns the JSON Schema of a file of the model, for editors. [Parse] also checks what a schema cannot: that ids
// are unique and known, and that patterns are complete.
func Schema() []byte {
	s := object("A threat model: "+File+", or a part of it in "+Folder+".", []string{"version"}, schema{
		"version":    schema{"const": 1, "description": "Of this format."},
		"system":     systemSchema(),
		"zones":      listOf("Trust zones. A flow between two zones crosses a trust boundary.", zoneSchema()),
		"data":       listOf("Classes of data.", dataSchema()),
		"components": listOf("Parts of the system, and what is outside of it.", componentSchema()),
		"flows":      listOf("Data flows.", flowSchema()),
		"decisions":  listOf("Recorded decisions, and open ones.", decisionSchema()),
		"roles":      listOf("The permission table.", roleSchema()),
	})
	s["$schema"], s["$id"], s["title"] = "https://json-schema.org/draft/2020-12/schema", SchemaURL, "The threat model of secbydesign"
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // it is made of texts and numbers
	}
	return append(b, '\n')
}

func systemSchema() schema {
	return object("What the model is about.", []string{"id"}, schema{
		"id": idSchema(lower), "title": textSchema("Its name."), "exposure": enum("Who can reach it.", exposures), "tier": enum("How much depends on it.", tiers),
	})
}

func zoneSchema() schema {
	return object("", []string{"id", "trust"}, schema{
		"id": idSchema(lower), "title": textSchema("Its name."), "trust": schema{"type": "integer", "minimum": 0, "maximum": 100, "description": "How far it is trusted."},
	})
}

func dataSchema() schema {
	return object("", []string{"id", "class"}, schema{
		"id": idSchema(lower), "title": textSchema("Its name."), "class": enum("How confidential it is.", classes),
		"sensitivity": unique("Which kinds of data it holds.", enum("", sensitivities)), "retention": textSchema("How long it is kept."),
		"fields": unique("Its columns, as table.column.", schema{"type": "string", "maxLength": maxText, "pattern": `^\s*[^\s.]+(\.[^\s.]+)+\s*$`}),
	})
}

func componentSchema() schema {
	return object("", []string{"id", "kind"}, schema{
		"id": idSchema(lower), "title": textSchema("Its name."), "kind": enum("What it is.", kinds), "parent": refSchema("The component that it is a part of."),
		"paths": unique("Globs of its files, from the root of the repository.", schema{"type": "string", "minLength": 1, "maxLength": strictyaml.MaxGlob, "pattern": `^[^!/]`}),
		"owner": schema{"type": "string", "pattern": `^\S{1,200}$`, "description": "Who answers for it: \"team:payments\", \"@org/team\" or \"@person\"."},
		"zone":  refSchema("The trust zone that it is in."), "exposure": enum("Who can reach it.", exposures),
		"holds": unique("The data that it holds.", refSchema("")), "authn": texts("How callers prove who they are."),
		"secrets": listOf("Secrets that it uses, without their values.", object("", []string{"name"}, schema{
			"name":  schema{"type": "string", "pattern": variable.pattern.String(), "description": "Of the variable or entry."},
			"store": textSchema("Where it is kept."), "rotate": textSchema("How often it changes."),
		})),
		"crypto": listOf("What it does with cryptography.", object("", []string{"use"}, schema{
			"use": textSchema("What for."), "alg": textSchema("The algorithm."), "key": textSchema("The name of the key."),
		})),
		"hosts": unique("Hosts that it calls.", hostSchema()), "resources": texts("Addresses of its infrastructure, such as aws_db_instance.main or compose:redis."),
		"notes": texts("What else a reader should know."),
	})
}

func flowSchema() schema {
	return object("", []string{"id", "from", "to"}, schema{
		"id": idSchema(lower), "from": refSchema("A component, or a zone for whatever is there."), "to": refSchema("A component, or a zone for whatever is there."),
		"protocol": textSchema("Such as https."), "auth": textSchema("How the caller proves who it is."), "data": unique("The data that flows.", refSchema("")),
		"hosts": unique("Hosts that are called.", hostSchema()), "tools": texts("Functions that a language model may call."),
	})
}

func decisionSchema() schema {
	s := object("", []string{"id", "component", "topic", "status"}, schema{
		"id": idSchema(mixed), "component": refSchema("The component that it is about."), "topic": enum("What it is about.", topicNames()),
		"asvs":   unique("Requirements of the OWASP ASVS 5.0.0.", schema{"type": "string", "pattern": requirements.String()}),
		"status": enum("How far it is.", statuses), "text": textSchema("The decision, in one sentence."),
		"public":   schema{"type": "boolean", "description": "Whether anybody may call what it covers."},
		"covers":   unique("Globs of what it covers: \"* /v1/**\" is each method of these routes.", schema{"type": "string", "minLength": 1, "maxLength": strictyaml.MaxGlob}),
		"evidence": unique("Files, or tests as path#TestName, that prove it.", schema{"type": "string", "maxLength": maxText, "pattern": `^[^#/]`}),
		"by":       textSchema("Who decided."), "at": day("When."), "review_after": day("The day after which it is to be reviewed."),
	})
	s["if"] = schema{"properties": schema{"status": schema{"enum": []any{Decided, Implemented, NotApplicable, AcceptedRisk}}}, "required": []any{"status"}}
	s["then"] = schema{"required": []any{"text"}}
	return s
}

func roleSchema() schema {
	return object("", []string{"name"}, schema{
		"name": schema{"type": "string", "pattern": `^\S+( \S+)*$`, "maxLength": 500, "description": "As the code writes it."}, "allows": textSchema("What it lets its holder do."), "default": textSchema("Who has it by default."),
	})
}

func object(about string, required []string, properties schema) schema {
	s := schema{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
	if about != "" {
		s["description"] = about
	}
	return s
}

func listOf(about string, items schema) schema {
	return schema{"type": "array", "items": items, "description": about}
}

func unique(about string, items schema) schema {
	return schema{"type": "array", "items": items, "uniqueItems": true, "maxItems": maxList, "description": about}
}

func texts(about string) schema { return unique(about, textSchema("")) }

func enum(about string, words []string) schema { return described(schema{"enum": words}, about) }

func idSchema(f form) schema {
	return described(schema{"type": "string", "pattern": f.pattern.String()}, "Unique in the model.")
}

func refSchema(about string) schema {
	return described(schema{"type": "string", "pattern": lower.pattern.String()}, about)
}

func textSchema(about string) schema {
	return described(schema{"type": "string", "maxLength": maxText, "pattern": `\S`}, about)
}

func hostSchema() schema { return schema{"type": "string", "pattern": hosts.String()} }

func day(about string) schema {
	return described(schema{"type": "string", "format": "date", "pattern": `^2[01]\d{2}-\d{2}-\d{2}$`}, about)
}

func described(s schema, about string) schema {
	if about != "" {
		s["description"] = about
	}
	return s
}
