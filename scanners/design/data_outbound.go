package design

var nothing = func(*source) {}
var secretNames, secretStores, cryptography, weakTLS, plaintextHops, goHosts, scriptHosts, configuredHosts, thirdPartyScripts, dependencies, inlineSuppressions, ignoreFiles, guardrails, designDocuments = nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing
