Content-Type: multipart/mixed; boundary="B"
MIME-Version: 1.0

--B
Content-Type: text/x-shellscript

#!/bin/bash
if [ "$1" = x ; then
	echo yes
fi
--B--
