package webhook

// used lists the actions of each event for which [Delivery.read] may produce an intent; an empty action stands for an
// event without actions.
var used = map[string][]string{
	"pull_request":                {"opened", "synchronize", "reopened", "ready_for_review", "converted_to_draft", "closed", "edited"},
	"check_run":                   {"rerequested", "requested_action"},
	"check_suite":                 {"rerequested", "requested"},
	"issues":                      {"labeled", "unlabeled"},
	"issue_comment":               {"created", "edited"},
	"pull_request_review_comment": {"created"},
	"merge_group":                 {"checks_requested"},
	"push":                        {""},
	"repository":                  {"renamed", "transferred"},
	"installation":                {"created", "deleted", "suspend", "unsuspend", "new_permissions_accepted"},
	"installation_repositories":   {"added", "removed"},
	"ping":                        {""},
}

// Used reports whether a delivery of this event and action can produce an [Intent]. For the others the payload is not
// needed to know that they are ignored. An event without actions has the action "".
func Used(event, action string) bool {
	for _, a := range used[event] {
		if a == action {
			return true
		}
	}
	return false
}

// Read reads a payload that was not received by a [Handler] but read from GitHub itself, such as from its log of
// deliveries. So it verifies no signature. The outcome is one that the handler could have had: [Accepted] if the
// delivery has an intent, a reason to ignore it, or [BadHeaders], [NotJSON] or [BadPayload], the last with an error.
func Read(guid, event string, payload []byte) (Delivery, Outcome, error) {
	d := Delivery{GUID: token(guid), Event: token(event)}
	if d.GUID == "" || d.Event == "" {
		return d, BadHeaders, nil
	}
	outcome, err := d.read(payload)
	return d, outcome, err
}
