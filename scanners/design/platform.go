package design

import (
	"maps"
	"slices"
)

// platformDetectors find the facts of this group: infrastructure, containers and pipelines.
var platformDetectors = []detector{
	terraform, cloudFormation, serverless, kubernetes, helmValues, composeFile, dockerfile, mainPackage, program, catalogEntry, render, workflowFile,
}

// sortedKeys returns the keys of a map in their order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
