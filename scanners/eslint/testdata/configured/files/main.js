/* eslint-disable */
/* eslint security/detect-eval-with-expression: off */
eval(process.argv[2]); // eslint-disable-line
