/* oxlint-disable */
// oxlint-disable-next-line no-eval
eval(process.argv[2]); // eslint-disable-line
