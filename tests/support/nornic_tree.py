"""A small tree that looks like a NornicDB checkout, in words of its own, for tests of `--repo`."""

from __future__ import annotations

from pathlib import Path

TYPES = """package heimdall

import "strings"

// A quote in a comment: "not a string, nor is `this`.
const CypherPrimer = `CYPHER NOTES:
  MATCH (n) RETURN n   - every "node"
`

func (p *PromptContext) buildFullPrompt() string {
	var sb strings.Builder
	sb.WriteString(`You watch the bridge.
You answer shortly.

`)
	sb.WriteString("AVAILABLE ACTIONS:\\n")
	sb.WriteString(p.ActionPrompt)
	sb.WriteString("\\n")
	sb.WriteString(CypherPrimer)
	if p.AdditionalInstructions != "" {
		sb.WriteString("ADDITIONAL CONTEXT:\\n")
		sb.WriteString(p.AdditionalInstructions)
		sb.WriteString("\\n\\n")
	}
	if len(p.Examples) > 0 {
		sb.WriteString("EXAMPLES:\\n")
		for _, ex := range p.Examples {
			sb.WriteString(fmt.Sprintf("User: \\"%s\\"\\n→ %s\\n\\n", ex.UserSays, ex.ActionJSON))
		}
	}
	sb.WriteString("JSON only.\\n")
	return sb.String()
}

func (p *PromptContext) buildMinimalPrompt() string {
	var sb strings.Builder
	sb.WriteString("Short.\\nACTIONS:\\n")
	sb.WriteString(p.ActionPrompt)
	sb.WriteString("JSON only.\\n")
	return sb.String()
}
"""

HANDLER = """package heimdall

func defaultExamples() []PromptExample {
	return []PromptExample{
		{UserSays: "status", ActionJSON: `{"action": "heimdall.watcher.status", "params": {}}`},
		{UserSays: "how many", ActionJSON: `{"action": "heimdall.watcher.db_stats", "params": {}}`},
	}
}
"""

ACTIONS = """package heimdall

func BuiltinActions() []ActionFunc {
	return []ActionFunc{
		{
			Name:        "heimdall.help",
			Description: "Tell what can be done",
			Category:    "system",
			Handler:     func(ctx ActionContext) (*ActionResult, error) { return nil, nil },
		},
		{
			Name:        "heimdall.status",
			Description: "Tell how it goes",
			Category:    "system",
		},
	}
}

func ActionPrompt() string {
	var prompt string
	for category, actions := range ActionCatalog() {
		prompt += fmt.Sprintf("## %s\\n", category)
		for _, action := range actions {
			prompt += fmt.Sprintf("- %s: %s\\n", action.Name, action.Description)
		}
		prompt += "\\n"
	}
	return prompt
}
"""

WATCHER = """package heimdall

func (p *WatcherPlugin) Name() string { return "watcher" }

func (p *WatcherPlugin) Actions() map[string]heimdall.ActionFunc {
	return map[string]heimdall.ActionFunc{
		"status": {Description: "Report on all", Category: "monitoring", Handler: p.status},
		"query": {
			Description: "Run a query (params: cypher)",
			Category:    "database",
		},
		"db_stats": {Description: "Count things", Category: "database"},
	}
}

func (p *WatcherPlugin) PrePrompt(ctx *heimdall.PromptContext) error {
	ctx.Examples = append(ctx.Examples,
		heimdall.PromptExample{
			UserSays:   "look around",
			ActionJSON: `{"action": "heimdall.watcher.status", "params": {}}`,
		},
	)
	return nil
}

func (p *WatcherPlugin) performGraphRAG(ctx *heimdall.PromptContext) string {
	var sb strings.Builder
	sb.WriteString("\\n=== KNOWN ===\\n")
	sb.WriteString("What the graph says:\\n")
	for i, r := range found {
		sb.WriteString(fmt.Sprintf("# %d [%s] %s\\n", i+1, r.Type, r.Title))
		sb.WriteString(fmt.Sprintf("Content: %s\\n", r.Preview))
		sb.WriteString("Properties:\\n")
		sb.WriteString(fmt.Sprintf("  - %s: %v\\n", k, v))
		sb.WriteString("Related:\\n")
		sb.WriteString(fmt.Sprintf("  and %d more\\n", rest))
		sb.WriteString(fmt.Sprintf("  %s [%s] %s (%s)\\n", arrow, kind, title, rel))
		sb.WriteString("\\n")
	}
	sb.WriteString("=== END ===\\n")
	sb.WriteString("Use it. ")
	sb.WriteString("Or search on.\\n")
	return sb.String()
}
"""

APOC = """package apoc

func registerAll() {
	register("apoc.coll.sum", "coll", coll.Sum, "Adds up", []string{"apoc.coll.sum([1,2]) => 3"})
	register("apoc.text.join", "text", text.Join, "Joins with `glue`", []string{"x => \\"a,b\\""})
	register("apoc.node.degree", "node", node.Degree, "Counts", []string{"degree(n) => 2"})
	// register("apoc.old.gone", "old", old.Gone, "Commented out", []string{"x => y"})
}
"""

CALLS = """package cypher

func (e *StorageExecutor) executeCall(cypher string) {
	switch {
	case strings.Contains(upper, "DB.LABELS"):
	case strings.Contains(upper, "APOC.ALGO.PAGERANK"):
	case strings.Contains(other, "NOT.THIS"):
	}
}
"""

SHOW = """package cypher

var procedures = [][]interface{}{
	{"db.labels", "db.labels() :: (label :: STRING)", "Lists labels", "READ", false},
}
var functions = [][]interface{}{
	{"size", "size(list :: LIST) :: INTEGER", "Counts elements", false, false, false},
	{"head", "head(list :: LIST) :: ANY", "Takes the first", false, false, false},
}
"""

PATTERNS = r"""package cypher

var (
	indexNamedFor = regexp.MustCompile(`(?i)CREATE\s+INDEX\s+(\w+)`)
	uniqueFor     = regexp.MustCompile(`(?i)CREATE\s+CONSTRAINT\s+(\w+)`)
	limitPattern  = regexp.MustCompile(`(?i)LIMIT\s+(\d+)`)
)
"""

FUNCTIONS = """package cypher

func eval(expr string) {
	if matchFuncStart(expr, "size") { return }
	if matchFuncStartAndSuffix(expr, "head(") { return }
}
"""

BUILTINS = """package fn

func init() {
	Register("id", evalID)
}
"""

CONFIG = """package config

type YAMLConfig struct {
	Server struct {
		BoltPort int `yaml:"bolt_port"`
	} `yaml:"server"`
}

func applyEnvVars(config *Config) {
	if v := getEnvInt("NORNICDB_BOLT_PORT", 0); v > 0 {
		config.Server.BoltPort = v
	}
	if getEnv("NORNICDB_HTTP_ENABLED", "") == "false" {
		config.Server.HTTPEnabled = false
	}
	if v := getEnvDuration("NORNICDB_QUERY_CACHE_TTL", 0); v > 0 {
		config.Memory.QueryCacheTTL = v
	}
	if v := getEnv("NORNICDB_NOT_DESCRIBED", ""); v != "" {
		config.Other = v
	}
}
"""

TESTS = """package cypher

func TestQueries(t *testing.T) {
	run(t, "MATCH (n:Person) RETURN n.name")
	run(t, `CREATE (n:City {name: 'Oslo'})
RETURN n`)
	run(t, "MATCH (n) RETURN count { (n)-->() }")
	run(t, fmt.Sprintf("MATCH (n:%s) RETURN n", label))
	t.Fatal("Create should have worked")
}
"""

GUIDE = """# Guide

Some words.

```cypher
// the people
MATCH (n:Person)
RETURN n.name LIMIT 5
```

```bash
echo MATCH
```

- a list with a fence:

  ```cypher
  CALL db.labels() YIELD label RETURN label
  ```

~~~cypher
MATCH (a)-[:KNOWS]->(b) RETURN a.name, b.name
~~~

```cypher
unclosed
"""

FILES = {
    "pkg/heimdall/types.go": TYPES,
    "pkg/heimdall/handler.go": HANDLER,
    "pkg/heimdall/plugin.go": ACTIONS,
    "plugins/heimdall/plugin.go": WATCHER,
    "apoc/apoc.go": APOC,
    "pkg/cypher/call.go": CALLS,
    "pkg/cypher/executor_show.go": SHOW,
    "pkg/cypher/regex_patterns.go": PATTERNS,
    "pkg/cypher/functions.go": FUNCTIONS,
    "pkg/cypher/fn/builtins_core.go": BUILTINS,
    "pkg/cypher/cypher_test.go": TESTS,
    "pkg/config/config.go": CONFIG,
    "docs/guide.md": GUIDE,
}


def write_tree(root: Path) -> Path:
    """Writes the tree below `root`, which it returns."""
    for name, text in FILES.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root
