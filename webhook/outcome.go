package webhook

import "net/http"

// An Outcome is the result of a request to the [Handler]. Its values are for metrics and logs.
type Outcome string

// Outcomes of a delivery that is durable.
const (
	Accepted  Outcome = "accepted"
	Duplicate Outcome = "duplicate"
)

// Reasons to ignore a delivery. The answer is 202 as for accepted ones, so that GitHub's list of failed
// deliveries contains only failures.
const (
	EventNotUsed     Outcome = "event_not_used"     // no action of this event is used
	ActionNotUsed    Outcome = "action_not_used"    // only other actions of this event are used
	BaseUnchanged    Outcome = "base_unchanged"     // a pull request was edited, but not its base branch
	NotDefaultBranch Outcome = "not_default_branch" // a push to a tag or to another branch
	BranchDeleted    Outcome = "branch_deleted"     // the push that removed the default branch
	TextUnchanged    Outcome = "text_unchanged"     // a card was edited, but not its text
	OtherLabel       Outcome = "other_label"        // another label than that of the design
	NotIssue         Outcome = "not_issue"          // the label of a pull request
	NotPerson        Outcome = "not_person"         // written or pressed by an App, including this one
	NoCommand        Outcome = "no_command"         // a comment without a command
	NoButton         Outcome = "no_button"          // a button without an identifier of this App
	NoInstallation   Outcome = "no_installation"    // sent by a webhook of a repository or organisation instead of the App's
)

// Reasons to refuse a request, and the two failures.
const (
	NotPost       Outcome = "not_post"       // 405
	Unsigned      Outcome = "unsigned"       // 401: no well-formed X-Hub-Signature-256
	WronglySigned Outcome = "wrongly_signed" // 401: with none of the secrets, or the body was changed on its way
	TooLarge      Outcome = "too_large"      // 413
	Truncated     Outcome = "truncated"      // 400: the body ended too early
	BadHeaders    Outcome = "bad_headers"    // 400: X-GitHub-Event or X-GitHub-Delivery is missing or not a plain word
	NotJSON       Outcome = "not_json"       // 400: not one JSON object
	BadPayload    Outcome = "bad_payload"    // 400: a field that the event needs is missing or invalid
	NotStored     Outcome = "not_stored"     // 503: Accept failed
	Busy          Outcome = "busy"           // 503: too many others are being received at the same time, or the disk is full
)

// verified reports whether the signature was right.
func (o Outcome) verified() bool {
	switch o {
	case NotPost, Unsigned, WronglySigned, TooLarge, Truncated, Busy:
		return false
	}
	return true
}

func (o Outcome) status() int {
	switch o {
	case NotPost:
		return http.StatusMethodNotAllowed
	case Unsigned, WronglySigned:
		return http.StatusUnauthorized
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case Truncated, BadHeaders, NotJSON, BadPayload:
		return http.StatusBadRequest
	case NotStored, Busy:
		return http.StatusServiceUnavailable
	}
	return http.StatusAccepted
}

func (o Outcome) sentence() string {
	switch o {
	case Accepted:
		return "Accepted."
	case Duplicate:
		return "Accepted before."
	case EventNotUsed:
		return "Ignored: this event is not used."
	case ActionNotUsed:
		return "Ignored: this action of the event is not used."
	case BaseUnchanged:
		return "Ignored: the base branch did not change."
	case NotDefaultBranch:
		return "Ignored: not a push to the default branch."
	case BranchDeleted:
		return "Ignored: the default branch was deleted."
	case TextUnchanged:
		return "Ignored: the text did not change."
	case OtherLabel:
		return "Ignored: this label is not used."
	case NotIssue:
		return "Ignored: not on an issue."
	case NotPerson:
		return "Ignored: not done by a person."
	case NoCommand:
		return "Ignored: no line is a command."
	case NoButton:
		return "Ignored: the button is none of ours."
	case NoInstallation:
		return "Ignored: not sent for an installation of the App."
	case NotPost:
		return "Deliveries are sent with POST."
	case Unsigned:
		return "The delivery carries no SHA-256 signature."
	case WronglySigned:
		return "The signature does not match."
	case TooLarge:
		return "The delivery is larger than 25 MB."
	case Truncated:
		return "The delivery is not complete."
	case BadHeaders:
		return "The headers X-GitHub-Event and X-GitHub-Delivery are needed."
	case NotJSON:
		return "The delivery is not a JSON object."
	case BadPayload:
		return "The delivery lacks a field that its event needs."
	case NotStored:
		return "The delivery could not be stored, please send it again."
	case Busy:
		return "Too many deliveries arrive at once, please send it again."
	}
	return "Done."
}
