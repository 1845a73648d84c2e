// Package cwe explains why weaknesses matter, by their number in the Common Weakness Enumeration
// (https://cwe.mitre.org). Tools report the number, but seldom the reason.
package cwe

import (
	"fmt"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// Explain fills in the Why and HelpURL of a finding if they are empty: why its weakness matters, and
// where to learn more. If that is not known, they stay empty.
func Explain(f *scanners.Finding) {
	if f.Why == "" {
		f.Why = whys[f.CWE]
	}
	if number, ok := strings.CutPrefix(f.CWE, "CWE-"); ok && f.HelpURL == "" {
		f.HelpURL = fmt.Sprintf("https://cwe.mitre.org/data/definitions/%s.html", number)
	}
}

// whys explains the weaknesses that the tools of the catalogue report most.
var whys = map[string]string{
	"CWE-15":   "Whoever sets a setting from outside decides how the program behaves.",
	"CWE-20":   "Input that nobody checked reaches code that was not written for it.",
	"CWE-22":   "A name that climbs out of the folder that was meant reaches files of others.",
	"CWE-59":   "A link in the place of a file makes the program read or overwrite another file.",
	"CWE-73":   "Whoever chooses the name chooses the file that is read or written.",
	"CWE-77":   "What is put into a command is run with the rights of this program.",
	"CWE-78":   "What is put into a command is run by the operating system with the rights of this program.",
	"CWE-79":   "What somebody else wrote runs as script in the browser of whoever looks at the page.",
	"CWE-88":   "A value that begins with a dash is taken for an option of the program that is started.",
	"CWE-89":   "What is put into a query can read and change the whole database.",
	"CWE-90":   "What is put into a directory query can match entries that it should not.",
	"CWE-94":   "What is put into code runs with the rights of this program.",
	"CWE-95":   "What is evaluated runs with the rights of this program.",
	"CWE-98":   "Whoever chooses the file that is included chooses the code that runs.",
	"CWE-113":  "A line end in a header starts a header or an answer of somebody else's.",
	"CWE-114":  "Whoever controls where code is loaded from controls the program.",
	"CWE-117":  "A line end in a log entry forges the next one.",
	"CWE-118":  "Memory beyond what was meant is read or written.",
	"CWE-119":  "Memory beyond the buffer is read or written, which can end in code of somebody else's.",
	"CWE-120":  "What is longer than the buffer overwrites memory after it, which can end in code of somebody else's.",
	"CWE-126":  "Memory after the buffer is read, and can hold secrets.",
	"CWE-134":  "Whoever writes the format reads and writes memory with it.",
	"CWE-185":  "A wrong pattern lets through what it should stop.",
	"CWE-190":  "A number that wraps around makes sizes and limits wrong.",
	"CWE-200":  "What was meant for few can be read by others.",
	"CWE-203":  "Differences in the answer reveal what should stay hidden.",
	"CWE-208":  "The time that a comparison takes shows how much of a secret was guessed.",
	"CWE-242":  "There is no safe way of calling this function.",
	"CWE-250":  "A mistake in code with more rights than it needs does more damage than it could.",
	"CWE-269":  "More rights than needed turn a small hole into a large one.",
	"CWE-276":  "Others on the same machine can read or change what is written here.",
	"CWE-287":  "Somebody can pass for somebody else.",
	"CWE-295":  "Without a checked certificate anybody in between can read and change the traffic.",
	"CWE-310":  "Weak cryptography protects from nobody who tries.",
	"CWE-311":  "Anybody in between, or with the disk, can read it.",
	"CWE-319":  "Anybody in between can read and change what is sent.",
	"CWE-321":  "A key in the code is known to everybody who has the code.",
	"CWE-322":  "Without a checked host key anybody in between can pass for the server.",
	"CWE-326":  "A key or cipher this weak can be broken by trying.",
	"CWE-327":  "The algorithm is broken: what it protects can be forged or read.",
	"CWE-328":  "Two inputs with the same hash can be made, so the hash proves nothing.",
	"CWE-330":  "Values that can be guessed protect nothing.",
	"CWE-338":  "The next values of such a generator can be computed from earlier ones.",
	"CWE-345":  "Nothing proves where the data came from.",
	"CWE-346":  "Requests of other sites are taken for the user's own.",
	"CWE-347":  "Without a checked signature anybody can write what is trusted here.",
	"CWE-352":  "Another site can make the browser of a signed-in user send this request.",
	"CWE-362":  "Between check and use somebody else can change what was checked.",
	"CWE-367":  "Between check and use somebody else can change what was checked.",
	"CWE-377":  "Somebody else can put a file or link of that name there first.",
	"CWE-400":  "One request can use up what all others need.",
	"CWE-409":  "A small compressed input can fill memory or disk.",
	"CWE-441":  "The program fetches for somebody else what only it may reach.",
	"CWE-470":  "Whoever chooses the name chooses the code that runs.",
	"CWE-489":  "What helps to debug helps an attacker too.",
	"CWE-494":  "Code that nobody checked is run as if it were ours.",
	"CWE-502":  "Such a format can build any object, and run code while it does.",
	"CWE-522":  "Credentials that are kept or sent unprotected are soon somebody else's.",
	"CWE-565":  "The user can change a cookie.",
	"CWE-601":  "A link to this site takes the user to another one that looks like it.",
	"CWE-611":  "An XML document can name files and addresses that the parser then reads.",
	"CWE-614":  "The cookie is also sent where others can read it.",
	"CWE-643":  "What is put into a query can select what it should not.",
	"CWE-668":  "What was meant for this machine or network can be reached from elsewhere.",
	"CWE-676":  "The function is easily used in a way that overwrites memory.",
	"CWE-693":  "A protection that is there is not used.",
	"CWE-703":  "The program goes on as if nothing had happened, with a state that nobody thought of.",
	"CWE-732":  "Others can read or change what only few should.",
	"CWE-770":  "One request can use up what all others need.",
	"CWE-776":  "A small document can expand until memory is full.",
	"CWE-798":  "A credential in the code is known to everybody who has the code.",
	"CWE-807":  "A decision rests on a value that the other side can set.",
	"CWE-829":  "Code from elsewhere runs with the rights of this program.",
	"CWE-862":  "Nobody asks whether this user may do that.",
	"CWE-863":  "The question whether this user may do that is answered wrongly.",
	"CWE-908":  "Memory that was never set can hold what others left there.",
	"CWE-915":  "The request can set fields that it should not.",
	"CWE-916":  "Passwords behind a fast hash are found by trying.",
	"CWE-918":  "Whoever chooses the address makes the server fetch from its own network.",
	"CWE-942":  "Other sites can read answers that are meant for the user.",
	"CWE-943":  "What is put into a query can select and change what it should not.",
	"CWE-1004": "Script in the page can read the cookie.",
	"CWE-1104": "Nobody fixes a component that is no longer kept.",
	"CWE-1188": "The default is the unsafe choice.",
	"CWE-1204": "Two messages with the same key and nonce can be read together.",
	"CWE-1321": "A field of that name changes all objects of the program.",
	"CWE-1327": "The service can be reached from every network that the machine is in.",
	"CWE-1333": "A text made for it keeps the pattern busy for minutes.",
	"CWE-1336": "What is put into a template runs with the rights of this program.",
	"CWE-1357": "Whoever controls the source of a component controls what runs here.",
}
