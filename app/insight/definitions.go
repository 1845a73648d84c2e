package insight

import (
	"slices"

	"github.com/secbydesign/secbydesign/app/record"
)

// uReview is where the published figures of same-change resolution and usefulness come from.
const uReview = "https://www.uber.com/blog/ureview/"

// definitions lists the figures of a team, in the order in which they are shown. Each is defined here and nowhere else.
func definitions() []definition {
	return slices.Concat(changes(), branch(), acceptances(), designs())
}

// changes are the figures about what happens in a pull request.
func changes() []definition {
	return []definition{
		{
			key: "time_to_first_feedback", name: "Time to first feedback, median", unit: hours,
			about:   "Median time from the webhook about a head to its first result, over the heads of pull requests that change files of the team.",
			measure: func(s sums) measured { return s.quantile(record.ObsFeedback, 0.5, 3600) },
		},
		{
			key: "time_to_first_feedback_p95", name: "Time to first feedback, 95th percentile", unit: hours,
			about:   "The time within which 95 of 100 heads had their first result.",
			measure: func(s sums) measured { return s.quantile(record.ObsFeedback, 0.95, 3600) },
		},
		{
			key: "same_change_resolution", name: "Same-change resolution", unit: share,
			about: "Findings that were fixed before the merge ÷ findings that were shown in merged pull requests. " +
				"Uber reports that 65 % of its review tool's comments are addressed in the same change, and 51 % of people's (" + uReview + ", 2025).",
			measure: func(s sums) measured { return s.share(record.ObsMerged, "", 1) },
		},
		{
			key: "usefulness", name: "Usefulness", unit: share,
			about: "Fixed, accepted, deferred or answered items ÷ those and the ones marked as not useful or as false positives. " +
				"Uber reports 75 % of its review tool's comments as rated useful (" + uReview + ", 2025).",
			measure: func(s sums) measured { return s.share(record.ObsVerdict, "", 0) },
		},
	}
}

// branch are the figures about what reaches the default branch.
func branch() []definition {
	return []definition{
		{
			key: "median_time_to_fix", name: "Median time to fix", unit: days,
			about: "Kaplan-Meier median of the whole days from the merge of a finding into the default branch until it is gone, over findings that " +
				"were open or deferred or accepted there in the period. Those that are still there count as not yet fixed, so that not fixing does not make the figure better.",
			measure: func(s sums) measured { return s.timeToFix() },
		},
		{
			key: "escape_rate", name: "Escape rate", unit: share,
			about: "Findings that reviewed pull requests brought to the default branch without being shown or decided before ÷ those and the findings " +
				"that were shown in merged pull requests.",
			measure: func(s sums) measured {
				n := s.total(record.ObsEscaped)
				return ratio(n, n+s.total(record.ObsMerged))
			},
		},
	}
}

// acceptances are the figures about risks that the team carries.
func acceptances() (list []definition) {
	for _, severity := range []string{"critical", "high", "medium", "low"} {
		list = append(list, definition{
			key: "acceptance_rate_" + severity, name: "Acceptance rate, " + severity, unit: share,
			about: "Accepted findings ÷ accepted and fixed ones, by severity. An acceptance that ended within a day was a mistake and does not count.",
			measure: func(s sums) measured {
				n := s.count(record.ObsAccepted, severity)
				return ratio(n, n+s.count(record.ObsFixed, severity))
			},
		})
	}
	list = append(list,
		definition{
			key: "expiry_debt", name: "Expiry debt", unit: plain,
			about:   "Sum over the acceptances on the default branch of severity weight × days past their last day. Weights: low 1, medium 3, high 10, critical 30.",
			measure: func(s sums) measured { return s.expiryDebt() },
		},
		definition{
			key: "acceptance_backlog", name: "Acceptance backlog", unit: plain,
			about:   "Sum of the severity weights of the acceptances in force on the default branch. Weights: low 1, medium 3, high 10, critical 30.",
			measure: func(s sums) measured { return s.backlog() },
		},
		definition{
			key: "renewals_per_acceptance", name: "Renewals per acceptance", unit: plain,
			about:   "How often the finding of an acceptance was accepted or deferred before, on average over the acceptances of the period.",
			measure: func(s sums) measured { return s.mean(record.ObsRenewals) },
		},
	)
	for _, class := range []string{"emergency", "deadline", "technical", "business", "none"} {
		list = append(list, definition{
			key: "reason_" + class, name: "Accepted or deferred for the reason: " + class, unit: share,
			about: "Acceptances and deferrals with this reason class ÷ all acceptances and deferrals of the period.",
			measure: func(s sums) measured {
				return ratio(s.count(record.ObsReason, class), s.total(record.ObsReason))
			},
		})
	}
	return list
}

// designs are the figures about the design, about security's part in it, and about ownership.
func designs() []definition {
	return []definition{
		{
			key: "decision_coverage", name: "Decision coverage", unit: share,
			about:   "Topics of components that a decision or evidence covered when they were seen last ÷ topics of components that were seen in the period.",
			measure: func(s sums) measured { return s.share(record.ObsTopic, "", 1) },
		},
		{
			key: "design_lead", name: "Design lead", unit: share,
			about:   "Questions that were shown first on a plan, a design document or a draft ÷ all questions that were shown first in the period.",
			measure: func(s sums) measured { return s.share(record.ObsAsked, "", 1) },
		},
		{
			key: "security_response_time", name: "Time until security answers", unit: hours,
			about: "Kaplan-Meier median of the time from the request for security's advice in a pull request to the advice. " +
				"Requests of the period without an answer count as still waiting.",
			measure: func(s sums) measured { return s.responseTime() },
		},
		{
			key: "unowned_share", name: "Unowned share", unit: share, everyone: true,
			about:   "Findings without an owner ÷ all findings that were shown first in the period.",
			measure: func(s sums) measured { return s.share(record.ObsOwned, "", 0) },
		},
	}
}

// notUsefulRate is the figure of one rule.
func notUsefulRate(rule string) definition {
	return definition{
		key: "not_useful_rate " + rule, name: "Not useful: " + rule, unit: share,
		about:   "Items of the rule that were marked as not useful or as false positives ÷ those and the ones that were fixed, accepted, deferred or answered.",
		measure: func(s sums) measured { return s.share(record.ObsVerdict, rule, 1) },
	}
}
