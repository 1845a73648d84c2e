package shell

import (
	"fmt"
	"strings"
	"testing"
)

// show returns the writes of a script, one per line: the file, the name and the value. A variable is <NAME>,
// and one that has only one line is <NAME 1>.
func show(text string, s Script) string {
	var b strings.Builder
	for _, w := range s.Writes {
		fmt.Fprintf(&b, "%d %s ", strings.Count(text[:w.At], "\n")+1, strings.TrimPrefix(w.File, "GITHUB_"))
		if w.Guarded {
			b.WriteString("guarded ")
		}
		parts(&b, w.Key)
		if w.Value != nil && w.Key != nil {
			b.WriteByte('=')
		}
		if w.Name != "" && w.Key == nil {
			b.WriteString("(" + w.Name + ") ")
		}
		parts(&b, w.Value)
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func parts(b *strings.Builder, list []Part) {
	for _, p := range list {
		flags := ""
		if p.OneLine {
			flags += " 1"
		}
		if p.Escapes {
			flags += " e"
		}
		switch p.Kind {
		case Text:
			b.WriteString(p.Text)
		case Unknown:
			b.WriteByte('?')
		case Content:
			fmt.Fprintf(b, "<file %s%s>", p.Text, flags)
		default:
			fmt.Fprintf(b, "<%s%s>", p.Text, flags)
		}
	}
}

func none(string) string { return "" }

func TestWrites(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		`echo "a=$T" >> "$GITHUB_OUTPUT"`:                                                   "1 OUTPUT a=<T>",
		`echo a=${T} >>${GITHUB_OUTPUT}`:                                                    "1 OUTPUT a=<T>",
		`echo 'a=$T' >> $GITHUB_OUTPUT`:                                                     "1 OUTPUT a=$T",
		`echo "a=fixed" >> $GITHUB_OUTPUT`:                                                  "1 OUTPUT a=fixed",
		`echo "a=$T"`:                                                                       "",
		`echo "a=$T" >> out.txt`:                                                            "",
		`echo "a=$T" | tee -a "$GITHUB_ENV"`:                                                "1 ENV a=<T>",
		`echo "a=$T" | sudo tee -a $GITHUB_ENV > /dev/null`:                                 "1 ENV a=<T>",
		`tee -a "$GITHUB_ENV" <<< "a=$T"`:                                                   "1 ENV a=<T>",
		"{\n  echo a=1\n  echo \"b=$T\"\n} >> \"$GITHUB_ENV\"":                              "2 ENV a=1\n3 ENV b=<T>",
		"( echo a=1; echo \"b=$T\" ) | tee -a \"$GITHUB_ENV\"":                              "1 ENV a=1\n1 ENV b=<T>",
		"cat <<EOF >> $GITHUB_ENV\na=1\nb=$T\nEOF":                                          "2 ENV a=1\n3 ENV b=<T>",
		"cat >> $GITHUB_ENV <<'EOF'\na=1\nb=$T\nEOF":                                        "2 ENV a=1\n3 ENV b=$T",
		"cat <<-EOF | tee -a $GITHUB_ENV\n\tb=$T\n\tEOF":                                    "2 ENV b=<T>",
		"f=$GITHUB_ENV\necho \"a=$T\" >> \"$f\"":                                            "2 ENV a=<T>",
		"echo \"a=$T\" > vars\ncat vars >> $GITHUB_ENV":                                     "2 ENV a=<T>",
		"exec >> $GITHUB_ENV\necho \"a=$T\"":                                                "2 ENV a=<T>",
		"x=\"$T\"\ny=$x\necho \"a=$y\" >> $GITHUB_ENV":                                      "3 ENV a=<T>",
		"x=$(echo \"$T\" | sed 's/a/b/' | cut -c1-20)\necho \"a=$x\" >> $GITHUB_ENV":        "2 ENV a=<T>",
		"x=`echo $T`\necho \"a=$x\" >> $GITHUB_ENV":                                         "2 ENV a=<T>",
		"export x=\"$T\"; echo a=$x >> $GITHUB_ENV":                                         "1 ENV a=<T>",
		"read -r x <<< \"$T\"; echo a=$x >> $GITHUB_ENV":                                    "1 ENV a=<T 1>",
		"for x in $T; do echo a=$x >> $GITHUB_ENV; done":                                    "1 ENV a=<T 1>",
		"while read -r x; do echo a=$x >> $GITHUB_ENV; done <<< \"$T\"":                     "1 ENV a=<T 1>",
		"x=$T\nx=fixed\necho a=$x >> $GITHUB_ENV":                                           "3 ENV a=fixed",
		"x=fixed\nif true; then x=$T; fi\necho a=$x >> $GITHUB_ENV":                         "3 ENV a=fixed<T>",
		"if [ -n \"$T\" ]; then echo a=$T >> $GITHUB_ENV; else echo a=1 >> $GITHUB_ENV; fi": "1 ENV a=<T>\n1 ENV a=1",
		"printf 'a=%s\\n' \"$T\" >> $GITHUB_ENV":                                            "1 ENV a=<T>",
		"printf \"a=$T\\n\" >> $GITHUB_ENV":                                                 "1 ENV a=<T e>",
		"printf 'a=%d\\n' \"$T\" >> $GITHUB_ENV":                                            "1 ENV a=?",
		"printf '%s=%s\\n' a \"$T\" b c >> $GITHUB_ENV":                                     "1 ENV a=<T>\n1 ENV b=c",
		"printf -v x '%s' \"$T\"; echo a=$x >> $GITHUB_ENV":                                 "1 ENV a=<T>",
		"echo -e \"a=$T\" >> $GITHUB_ENV":                                                   "1 ENV a=<T e>",
		"echo \"a=${T:-x}\" >> $GITHUB_ENV":                                                 "1 ENV a=<T>x",
		"echo \"a=${T:+true}\" >> $GITHUB_ENV":                                              "1 ENV a=true",
		"echo \"a=${#T}\" >> $GITHUB_ENV":                                                   "1 ENV a=?",
		"echo \"a=${T##*/}\" >> $GITHUB_ENV":                                                "1 ENV a=<T>",
		"echo \"a=${T//[^a-z0-9]/-}\" >> $GITHUB_ENV":                                       "1 ENV a=?",
		"echo \"a=${T//$'\\n'/ }\" >> $GITHUB_ENV":                                          "1 ENV a=<T 1>",
		"echo \"a=${T//a/b}\" >> $GITHUB_ENV":                                               "1 ENV a=<T>",
		"x=$(echo \"$T\" | tr -cd 'a-z'); echo a=$x >> $GITHUB_ENV":                         "1 ENV a=?",
		"x=$(echo \"$T\" | tr -d '\\n'); echo a=$x >> $GITHUB_ENV":                          "1 ENV a=<T 1>",
		"x=$(echo \"$T\" | sed 's/[^a-z0-9]/-/g'); echo a=$x >> $GITHUB_ENV":                "1 ENV a=?",
		"x=$(echo \"$T\" | grep -oE '[0-9]+'); echo a=$x >> $GITHUB_ENV":                    "1 ENV a=?",
		"x=$(echo \"$T\" | grep -oP 'v\\K.*'); echo a=$x >> $GITHUB_ENV":                    "1 ENV a=<T>",
		"x=$(sed -nE 's/.*#([0-9]+).*/\\1/p' <<< \"$T\"); echo a=$x >> $GITHUB_ENV":         "1 ENV a=?",
		"x=$(echo \"$T\" | wc -c); echo a=$x >> $GITHUB_ENV":                                "1 ENV a=?",
		"x=$(echo \"$T\" | sha256sum); echo a=$x >> $GITHUB_ENV":                            "1 ENV a=?",
		"x=$(curl -s https://example.com/$T); echo a=$x >> $GITHUB_ENV":                     "1 ENV a=?",
		"x=$(jq -nc --arg t \"$T\" '{t: $t}'); echo a=$x >> $GITHUB_ENV":                    "1 ENV a=<T 1>",
		"x=$(jq -r .issue.title \"$GITHUB_EVENT_PATH\"); echo a=$x >> $GITHUB_ENV":          "1 ENV a=<github.event.issue.title>",
		"x=$(cat \"$GITHUB_EVENT_PATH\" | jq .issue.number); echo a=$x >> $GITHUB_ENV":      "1 ENV a=<github.event.issue.number 1>",
		"[[ \"$T\" =~ ^[0-9]+$ ]] || exit 1\necho a=$T >> $GITHUB_ENV":                      "2 ENV a=?",
		"if [[ -z \"$T\" || ! \"$T\" =~ ^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$ ]]; then exit 1; fi\necho a=$T >> $GITHUB_ENV": "2 ENV a=?",
		"[[ \"$T\" =~ ^[a-z$()]+$ ]] || exit 1\necho a=$T >> $GITHUB_ENV":                                                   "2 ENV a=<T>",
		"[[ \"$T\" =~ ^.*$ ]] || exit 1\necho a=$T >> $GITHUB_ENV":                                                          "2 ENV a=<T>",
		"[[ $T =~ ^v([0-9]+)\\.x$ ]]; echo a=${BASH_REMATCH[1]} >> $GITHUB_ENV":                                             "1 ENV a=?",
		"[[ $T =~ ^fix:(.*)$ ]]; echo a=${BASH_REMATCH[1]} >> $GITHUB_ENV":                                                  "1 ENV a=<T>",
		"if [[ $T =~ [^a-z0-9-] ]]; then exit 1; fi; echo a=$T >> $GITHUB_ENV":                                              "1 ENV a=?",
		"echo \"$T\" | grep -qE '^(bug|feature)$' || exit 1\necho a=$T >> $GITHUB_ENV":                                      "2 ENV a=?",
		"case $T in main|dev) echo a=$T >> $GITHUB_ENV;; *) exit 1;; esac":                                                  "1 ENV a=?",
		"case $T in v*) echo a=$T >> $GITHUB_ENV;; esac":                                                                    "1 ENV a=<T>",
		"{ echo 'a<<EOF'; echo \"$T\"; echo EOF; } >> $GITHUB_ENV":                                                          "1 ENV (a) <T>",
		"d=$(openssl rand -hex 8)\n{ echo \"a<<$d\"; echo \"$T\"; echo \"$d\"; echo b=$T; } >> $GITHUB_ENV":                 "2 ENV guarded (a) <T>\n2 ENV b=<T>",
		"echo 'a<<EOF' >> $GITHUB_ENV\necho \"$T\" >> $GITHUB_ENV\necho 'EOF' >> $GITHUB_ENV\necho b=1 >> $GITHUB_ENV":      "2 ENV (a) <T>\n4 ENV b=1",
		"echo \"${{ github.event.issue.title }}\" >> $GITHUB_ENV":                                                           "1 ENV <${{ github.event.issue.title }}>",
		"echo \"a=${{ github.event.issue.title }}.${{ x }}\" >> $GITHUB_ENV":                                                "1 ENV a=<${{ github.event.issue.title }}>.<${{ x }}>",
		"T='${{ github.event.issue.title }}'\necho a=$T >> ${{ github.output }}":                                            "2 OUTPUT a=<${{ github.event.issue.title }}>",
		"if ${{ inputs.x }}; then echo a=$(( ${{ github.run_number }} + 1 )) >> $GITHUB_ENV; fi":                            "1 ENV a=?",
		"echo \"::set-output name=a::$T\"":                                                                                  "1 OUTPUT a=<T>",
		"out() { echo \"$1=$2\" >> $GITHUB_OUTPUT; }\nout a \"$T\"\nout b 1":                                                "2 OUTPUT a=<T>\n3 OUTPUT b=1",
		"echo \"a=$(printenv T)\" >> $GITHUB_ENV":                                                                           "1 ENV a=<T>",
		"echo \"a=$(python3 -c 'import os; print(os.environ[\"T\"])')\" >> $GITHUB_ENV":                                     "1 ENV a=<T>",
		"echo \"a=$(node -p 'process.env.T')\" >> $GITHUB_ENV":                                                              "1 ENV a=<T>",
		"echo \"a=$(node -p 'process.env.T.length')\" >> $GITHUB_ENV":                                                       "1 ENV a=?",
		"echo \"a=$(python3 -c 'print(1)')\" >> $GITHUB_ENV":                                                                "1 ENV a=?",
		"echo \"$T\" >> $GITHUB_PATH":                                                                                       "1 PATH <T>",
		"echo \"$HOME/bin\" >> $GITHUB_PATH":                                                                                "1 PATH <HOME>/bin",
		"echo \"a=$(cat f)\" >> $GITHUB_ENV":                                                                                "1 ENV a=<file f>",
		"echo \"a=$(<f)\" >> $GITHUB_ENV":                                                                                   "1 ENV a=<file f>",
		"cat f >> $GITHUB_ENV":                                                                                              "1 ENV <file f>",
		"echo \"a=$RANDOM\" >> $GITHUB_ENV":                                                                                 "1 ENV a=?",
		"# echo \"a=$T\" >> $GITHUB_ENV":                                                                                    "",
		"python - <<EOF\nprint(1)\nEOF\necho a=$T >> $GITHUB_ENV":                                                           "4 ENV a=<T>",
		"echo \"a=$T\" >> $GITHUB_ENV &&":                                                                                   "1 ENV a=<T>", // no valid shell
	} {
		if got := show(script, Read(script, false, none)); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", script, strings.ReplaceAll(got, "\n", "\n     "), strings.ReplaceAll(want, "\n", "\n     "))
		}
	}
}

func TestWritesOfPowerShell(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		`echo "a=$env:T" >> $env:GITHUB_ENV`:                                           "1 ENV a=<T>",
		`"a=$env:T" | Out-File -FilePath $env:GITHUB_ENV -Encoding utf8 -Append`:       "1 ENV a=<T>",
		`Write-Output "a=${env:T}" | Add-Content $env:GITHUB_ENV`:                      "1 ENV a=<T>",
		`Add-Content -Path $env:GITHUB_ENV -Value "a=$env:T"`:                          "1 ENV a=<T>",
		`Out-File -InputObject "a=$($env:T)" -FilePath "$env:GITHUB_ENV" -Append`:      "1 ENV a=$(<T>)",
		`[IO.File]::AppendAllText($env:GITHUB_ENV, "a=$env:T")`:                        "1 ENV a=<T>",
		`echo a=$env:T >> $env:GITHUB_ENV`:                                             "1 ENV a=<T>",
		"$f = $env:GITHUB_ENV\n\"a=$env:T\" >> $f":                                     "2 ENV a=<T>",
		"$x = $env:T; \"a=$x\" >> $env:GITHUB_ENV":                                     "1 ENV a=<T>",
		"$x = $env:T -replace '[^a-z]', ''\n\"a=$x\" >> $env:GITHUB_ENV":               "2 ENV a=?",
		"$x = $env:T -replace \"`r?`n\", ' '\n\"a=$x\" >> $env:GITHUB_ENV":             "2 ENV a=<T 1>",
		"if ($env:T -notmatch '^[0-9]+$') { exit 1 }\n\"a=$env:T\" >> $env:GITHUB_ENV": "2 ENV a=?",
		"@\"\na=1\nb=$env:T\n\"@ | Out-File $env:GITHUB_ENV -Append":                   "1 ENV a=1\n1 ENV b=<T>",
		"\"a=1\" |\n  Out-File $env:GITHUB_ENV -Append":                                "1 ENV a=1",
		"'a=$env:T' >> $env:GITHUB_ENV":                                                "1 ENV a=$env:T",
		"# \"a=$env:T\" >> $env:GITHUB_ENV":                                            "",
		"Write-Host \"a=$env:T\"":                                                      "",
		`echo a=%T%>> %GITHUB_ENV%`:                                                    "1 ENV a=<T>",
		`"$env:T" >> $env:GITHUB_PATH`:                                                 "1 PATH <T>",
		`"a=${{ github.event.issue.title }}" >> $env:GITHUB_OUTPUT`:                    "1 OUTPUT a=<${{ github.event.issue.title }}>",
	} {
		if got := show(script, Read(script, true, none)); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", script, strings.ReplaceAll(got, "\n", "\n     "), strings.ReplaceAll(want, "\n", "\n     "))
		}
	}
}

func TestWritesOfPython(t *testing.T) {
	t.Parallel()
	const open = "import os\nwith open(os.environ['GITHUB_OUTPUT'], 'a') as f:\n"
	for script, want := range map[string]string{
		open + "    f.write(f\"a={os.environ['T']}\\n\")":                "3 OUTPUT a=<T>",
		open + "    print(f'a={os.getenv(\"T\")}', file=f)":              "3 OUTPUT a=<T>",
		"t = os.environ.get('T', '')\n" + open + "    f.write(f'a={t}')": "4 OUTPUT a=<T>",
		"t = os.environ['T']\n" + open + "    f.write('a=' + t)":         "4 OUTPUT a=<T>",
		open + "    f.write('a=${{ github.event.issue.title }}')":        "3 OUTPUT a=<${{ github.event.issue.title }}>",
		"t = int(os.environ['T'])\n" + open + "    f.write(f'a={t}')":    "4 OUTPUT a=?",
		"t = os.environ['T']\n" + open + "    f.write('a=1')":            "4 OUTPUT a",
		"print(f\"a={os.environ['T']}\")":                                "",
	} {
		if got := show(script, ReadPython(script)); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", script, got, want)
		}
	}
}

// No script, however hostile, takes more than its bounds or names a place outside of it.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"x=$T$T\necho \"a=$x\" | tee -a $GITHUB_ENV", "f() { f \"$@\"; }; f a", "cat <<EOF >> $GITHUB_ENV\n$a\nEOF",
		"@\"\na=$env:T\n\"@ >> $env:GITHUB_ENV", "if [[ $a =~ ^[0-9]+$ ]]; then printf '%s=%d' a $a; fi >> ${{ github.env }}",
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, text string, powershell bool) {
		s := Read(text, powershell, none)
		s.Writes = append(s.Writes, ReadPython(text).Writes...)
		for _, w := range s.Writes {
			if w.At < 0 || w.At > len(text) || w.File == "" {
				t.Fatalf("write %+v of %q", w, text)
			}
		}
		for _, c := range s.Commands {
			if c.From < 0 || c.To < c.From || c.To > len(text) || len(c.Words) == 0 {
				t.Fatalf("command %+v of %q", c, text)
			}
		}
	})
}
