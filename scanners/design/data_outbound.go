package design

var nothing = func(*source) {}
var secretNames, secretStores, cryptography, weakTLS, plaintextHops, inlineSuppressions, ignoreFiles, guardrails, designDocuments = nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing
