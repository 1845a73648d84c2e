package design

var nothing = func(*source) {}
var secretNames, secretStores, cryptography, weakTLS, plaintextHops, dependencies, inlineSuppressions, ignoreFiles, guardrails, designDocuments = nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing
