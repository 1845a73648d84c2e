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
	"CWE-15":   "Somebody outside can change a setting, and with it what the program does.",
	"CWE-20":   "The input reaches code that only works safely with checked input.",
	"CWE-22":   "An attacker can name a path outside the folder, and reach other files.",
	"CWE-59":   "An attacker can put a link in place of the file, so that the program reads or overwrites another file.",
	"CWE-73":   "An attacker can choose which file the program reads or writes.",
	"CWE-77":   "An attacker can add commands of their own, which run with the rights of this program.",
	"CWE-78":   "An attacker can add commands of their own, which the operating system runs with the rights of this program.",
	"CWE-79":   "An attacker can put a script into the page, which runs in the browser of everybody who opens it.",
	"CWE-88":   "A value that begins with a dash becomes an option of the program.",
	"CWE-89":   "An attacker can change the query, and read or change the whole database.",
	"CWE-90":   "An attacker can change the query, and match entries that it should not return.",
	"CWE-94":   "An attacker can add code of their own, which runs with the rights of this program.",
	"CWE-95":   "An attacker can add code of their own, which runs with the rights of this program.",
	"CWE-98":   "An attacker can choose which file is included, and so which code runs.",
	"CWE-113":  "A line break in the value lets an attacker add headers, or a whole response.",
	"CWE-114":  "An attacker who controls the place that code is loaded from controls the program.",
	"CWE-117":  "A line break in the value lets an attacker forge log entries.",
	"CWE-118":  "The program can read or write memory outside the object.",
	"CWE-119":  "The program can read or write memory outside the buffer, and an attacker may run code that way.",
	"CWE-120":  "Input that is longer than the buffer overwrites the memory after it, and an attacker may run code that way.",
	"CWE-126":  "The program reads memory after the buffer, which can hold secrets.",
	"CWE-134":  "An attacker who controls the format string can read and write memory.",
	"CWE-185":  "The pattern lets through input that it should stop.",
	"CWE-190":  "A number that wraps around makes sizes and limits wrong.",
	"CWE-200":  "More people can read the information than should.",
	"CWE-203":  "Differences between the answers reveal what should stay hidden.",
	"CWE-208":  "The time that a comparison takes shows how much of a secret was guessed.",
	"CWE-242":  "There is no safe way to call this function.",
	"CWE-250":  "An attacker who gets in has more rights than the program needs.",
	"CWE-269":  "An attacker who gets in has more rights than needed.",
	"CWE-276":  "Other users of the machine can read or change the file.",
	"CWE-259":  "Everybody who has the code has the password.",
	"CWE-284":  "Somebody can use what they should not.",
	"CWE-287":  "An attacker can pass for another user.",
	"CWE-295":  "Without a check of the certificate, anybody on the network path can read and change the traffic.",
	"CWE-310":  "Weak cryptography does not stop an attacker.",
	"CWE-311":  "Anybody on the network path, or with access to the disk, can read the data.",
	"CWE-319":  "Anybody on the network path can read and change the data.",
	"CWE-321":  "Everybody who has the code has the key.",
	"CWE-322":  "Without a check of the host key, anybody on the network path can pass for the server.",
	"CWE-326":  "An attacker can find the key by trying.",
	"CWE-327":  "The algorithm is broken: an attacker can forge or read what it protects.",
	"CWE-328":  "An attacker can make two inputs with the same hash, so the hash proves nothing.",
	"CWE-330":  "An attacker can guess the value.",
	"CWE-338":  "An attacker can compute the next value from earlier ones.",
	"CWE-345":  "The program cannot know where the data came from.",
	"CWE-346":  "Requests of other sites are taken for the user's own.",
	"CWE-347":  "Without a check of the signature, anybody can write data that the program trusts.",
	"CWE-352":  "Another site can make the browser of a signed-in user send this request.",
	"CWE-362":  "Somebody can change the file or value between the check and its use.",
	"CWE-367":  "Somebody can change the file between the check and its use.",
	"CWE-377":  "Somebody else can create a file or link of that name first.",
	"CWE-400":  "One request can use up memory or time that other requests need.",
	"CWE-409":  "A small compressed input can fill memory or disk.",
	"CWE-441":  "An attacker can make the program send requests to places that only the program can reach.",
	"CWE-470":  "An attacker can choose which code runs.",
	"CWE-489":  "Debugging features help an attacker too.",
	"CWE-494":  "The program runs code that nobody has checked.",
	"CWE-502":  "Data in this format can build any object, and run code while it is read.",
	"CWE-522":  "Somebody can read the credentials where they are stored or sent.",
	"CWE-565":  "The user can change the value of a cookie.",
	"CWE-601":  "A link to this site can lead the user to another site that looks like it.",
	"CWE-605":  "Everybody who reaches one of the machine's networks can reach the service.",
	"CWE-611":  "An XML document can name files and addresses, which the parser then reads.",
	"CWE-614":  "The browser also sends the cookie over connections that others can read.",
	"CWE-643":  "An attacker can change the query, and select data that it should not return.",
	"CWE-668":  "Others can reach what is meant for this machine or network only.",
	"CWE-676":  "The function overwrites memory when it is called with the wrong size.",
	"CWE-693":  "An existing protection is not used.",
	"CWE-703":  "The program continues after an error, in a state that nobody planned for.",
	"CWE-732":  "More users can read or change the file than should.",
	"CWE-770":  "One request can use up memory or time that other requests need.",
	"CWE-776":  "A small document can expand until memory is full.",
	"CWE-798":  "Everybody who has the code has the credential.",
	"CWE-807":  "The decision depends on a value that an attacker can set.",
	"CWE-829":  "Code from another source runs with the rights of this program.",
	"CWE-862":  "The program does not check whether the user may do this.",
	"CWE-863":  "The program checks wrongly whether the user may do this.",
	"CWE-908":  "Memory that was never set can hold old data, such as secrets.",
	"CWE-915":  "The request can set fields that it should not.",
	"CWE-916":  "The hash is fast to compute, so an attacker who has it can find the passwords by trying.",
	"CWE-918":  "An attacker can make the server send requests to its own network.",
	"CWE-942":  "Other sites can read responses that are meant for the user.",
	"CWE-943":  "An attacker can change the query, and read or change data that it should not return.",
	"CWE-1004": "Script in the page can read the cookie.",
	"CWE-1104": "Nobody fixes security problems of an abandoned component.",
	"CWE-1188": "The default setting is not secure.",
	"CWE-1204": "An attacker who has two messages with the same key and nonce can decrypt them.",
	"CWE-1321": "An attacker can change the properties of all objects in the program.",
	"CWE-1327": "Everybody who reaches one of the machine's networks can reach the service.",
	"CWE-1333": "A text made for this pattern keeps the program busy for minutes.",
	"CWE-1336": "An attacker can add template code of their own, which runs with the rights of this program.",
	"CWE-1357": "An attacker who controls the source of the component controls the code that runs here.",
}
