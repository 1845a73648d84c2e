package design

// uploadSinks take files from users.
func uploadSinks() []sink {
	const rule = "file-upload"
	filtered := []sinkSafety{{all: rexes(`limits\s*:|fileSize|maxFileSize|MaxFileSizeValidator`, `fileFilter|allowedTypes|allowedMimeTypes|FileTypeValidator|mimetype|filter\s*[:(]`), says: "the call limits size and type"}}
	validated := []sinkSafety{{all: rexes(`(?i)validators\s*=\s*\[[^\]]*(?:extension|size|type|image|file|content)`), says: "the field has a validator"}}
	return []sink{
		{rule: rule, in: langs(javascript), words: []string{"multer"}, notPath: sinkScripts, re: rex(`(?:^|[^\w.])(?P<k>multer)\(`), safe: filtered},
		{rule: rule, in: langs(javascript), words: []string{"formidable", "usboy"}, imports: rex(`['"](?:formidable|busboy|@fastify/busboy|multiparty|connect-busboy)(?:/\w+)?['"]`), re: rex(`\b(?P<k>formidable|IncomingForm|[bB]usboy|multiparty\.Form)\(`), safe: filtered},
		{rule: rule, in: langs(javascript), words: []string{"Interceptor("}, re: rex(`\b(?P<k>FileInterceptor|FilesInterceptor|FileFieldsInterceptor|AnyFilesInterceptor)\(`), safe: filtered},
		{rule: rule, in: langs(javascript), words: []string{"@UploadedFile"}, unless: rex(`Files?(?:Fields)?Interceptor\(`), re: rex(`@(?P<k>UploadedFiles?)\(`), safe: filtered},
		{rule: rule, in: langs(javascript), words: []string{"createPresignedPost", "PutObjectCommand"}, re: rex(`\b(?P<k>createPresignedPost)\(|(?:=|\bawait|\breturn)\s*(?P<g>getSignedUrl)\(`), imports: rex(`createPresignedPost|PutObjectCommand`), skip: rex(`GetObjectCommand`), notPath: sinkScripts},
		{rule: rule, in: langs(javascript), words: []string{"@fastify/multipart", "express-fileupload", "graphql-upload", "koa-body", "uploadthing"}, strings: true, once: true, re: rex(`(?:from|require\()\s*['"](?P<k>@fastify/multipart|express-fileupload|graphql-upload(?:/[\w.]+)?|uploadthing/(?:next|server|express|h3))['"]`)},
		{rule: rule, in: langs(javascript), words: []string{".formData()"}, imports: rex(`\binstanceof File\b|\bas File\b|\bas unknown as File\b|\.arrayBuffer\(\)`), notPath: rex(`(?i)(^|/)(components?|hooks?|service-?workers?)/|\.(vue|svelte)$`), re: rex(`\b(?:request|req|event\.request|c\.req)\.(?P<k>formData)\(\)`)},

		{rule: rule, in: langs(python), words: []string{"request."}, re: rex(`\brequest\.(?P<k>FILES|files)\b`), skip: rex(`is None|^request\.files\s*$`)},
		{rule: rule, in: langs(python), words: []string{"UploadFile"}, imports: rex(`@\w+\.(?:post|put|patch|route|api_route)\(|\bAPIRouter\b|\bRouter\(`), re: rex(`:\s*(?:Annotated\[\s*)?(?:[Ll]ist\[\s*|Optional\[\s*)?(?P<k>UploadFile|UploadedFile)\b|:\s*bytes\s*(?:\|\s*None\s*)?=\s*(?P<f>File)\(`)},
		{rule: rule, in: langs(python), words: []string{"FileField(", "ImageField("}, notPath: rex(`(?i)migrations?/`), re: rex(`(?m)^\s*\w+(?:\s*:\s*[^=\n]+)?\s*=\s*(?:\w+\.)*(?P<k>(?:File|Image)Field)\(`), skip: rex(`^(?:\w*_)?(?:export|report|payload|invoice|thumbnail|generated|content|log|backup|output|result)\w*\s*[=:]`), safe: validated, imports: rex(`(?m)^\s*(?:from|import)\s`)},
		{rule: rule, in: langs(python), words: []string{"generate_presigned_post(", "Upload("}, re: rex(`\b(?P<k>generate_presigned_post)\(|(?:=\s*)(?P<u>Upload\(\s*$|Upload\(required|Upload\(description|Upload\(\))`), imports: rex(`generate_presigned_post|(?:import|,)\s*Upload\b`)},
		{rule: rule, in: langs(java), words: []string{"MultipartFile"}, imports: rex(`@(?:Rest)?Controller\b|@(?:Post|Put|Patch|Request)Mapping\b|@PostExchange`), re: rex(`[(,\s](?P<k>MultipartFile)(?:\[\]|>)?\s+\w+\s*[,)]|:\s*(?P<q>MultipartFile|List<MultipartFile>)\??\s*[,)=]`), name: "MultipartFile"},
		{rule: rule, in: langs(java), words: []string{"@MultipartForm", "MultipartHttpServletRequest", "CompletedFileUpload", "receiveMultipart(", "FilePart", "@MultipartConfig"}, re: rex(`@(?P<k>MultipartForm|MultipartConfig)\b|\b(?P<q>MultipartHttpServletRequest|CompletedFileUpload|FilePart)\s+\w+\s*[,)]|\breceiveMultipart\(`)},
		{rule: rule, in: langs(ruby), words: []string{"_attached", "mount_uploader", "Uploader::Attachment"}, strings: true, re: rex(`(?m)^\s*(?P<k>has_(?:one|many)_attached\s+:\w+|mount_uploaders?\s+:\w+|has_attached_file\s+:\w+|include\s+\w*Uploader::Attachment)`), skip: rex(`:\w*(?:export|report|generated|thumbnail)`)},
		{rule: rule, in: langs(csharp), words: []string{"IFormFile", "Request.Form.Files", "MultipartReader("}, imports: rex(`\bController(?:Base)?\b|\bPageModel\b|\bMap(?:Post|Put)\(|\[FromForm|IFormFile\??\s+\w+\s*\{\s*get|Request\.Form\.Files|MultipartReader`), re: rex(`\b(?P<k>IFormFile(?:Collection)?)\??>?(?:\[\])?\??\s+\w+\s*[,){=]|\bRequest\.Form\.Files\b|\bnew MultipartReader\(`), notPath: rex(`(^|/)I[A-Z]\w*\.cs$`)},
		{rule: rule, in: langs(php), words: []string{"->file(", "$_FILES", "move_uploaded_file(", "FileType::class", "VichUploader", "Vich\\"}, strings: true, re: rex(`(?P<k>\$request->(?:file|allFiles)\(|request\(\)->file\(|\$_FILES\b|\bmove_uploaded_file\(|\bFileType::class|\bVichFileType::class|#\[Vich\\UploadableField)`)},
		{rule: rule, in: langs(rust), words: []string{"Multipart"}, imports: rex(`\b(?:axum|axum_extra|actix_multipart|multer|rocket)\b`), re: rex(`(?:mut\s+)?\w+\s*:\s*(?P<k>(?:axum::extract::)?Multipart|TempFile(?:<'_>)?)\s*[,)]`)},
	}
}

// archiveSinks unpack archives.
func archiveSinks() []sink {
	const rule = "archive-extract"
	pythonFilter := []sinkSafety{{all: rexes(`filter\s*=\s*(?:['"]data['"]|tarfile\.data_filter)`), says: "the call uses the filter data"}}
	return []sink{
		{rule: rule, in: langs(javascript), words: []string{"unzipper", "adm-zip", "extract-zip", "yauzl", "tar", "decompress", "jszip", "fflate"}, notPath: sinkTooling, imports: rex(`['"](?:unzipper|adm-zip|extract-zip|yauzl(?:-promise)?|tar|tar-stream|tar-fs|decompress|jszip|fflate|node-stream-zip)['"]`),
			re: rex(`\b(?P<k>unzipper\.\w+|new AdmZip|yauzl\.(?:open|fromBuffer|fromFd)|tar\.(?:x|extract|t)|JSZip\.loadAsync|decompress|extractZip|unzipSync|new StreamZip(?:\.async)?|tarStream\.extract|tarFs\.extract)\(|\bawait (?P<e>extract)\(`), skip: rex(`new AdmZip\(\s*\)`)},
		{rule: rule, in: langs(python), words: []string{"ZipFile(", "tarfile.open(", "extractall(", "unpack_archive("}, notPath: sinkTooling,
			re: rex(`\b(?P<k>(?:zipfile\.)?ZipFile|tarfile\.open|unpack_archive)\(|\.(?P<x>extractall)\(`), skip: rex(`,\s*(?:mode\s*=\s*)?f?['"][wax][:|]?\w*['"]|mode=f?['"]w`), imports: rex(`\bzipfile\b|\btarfile\b|\bshutil\b`), safe: pythonFilter},
		{rule: rule, in: langs(java), words: []string{"ZipInputStream(", "ZipFile(", "TarArchiveInputStream(", "SevenZFile", "ZipUtil."}, notPath: sinkTooling, re: rex(`\bnew\s+(?P<k>ZipInputStream|ZipFile|ZipArchiveInputStream|TarArchiveInputStream|SevenZFile)\(|\bZipUtil\.(?P<u>unpack|unzip)\(`)},
		{rule: rule, in: langs(csharp), words: []string{"ZipFile.", "ZipArchive(", "TarFile.", "ArchiveFactory.", "TarReader("}, notPath: sinkTooling, re: rex(`\b(?P<k>ZipFile\.ExtractToDirectory(?:Async)?|ZipFile\.OpenRead|new ZipArchive|TarFile\.ExtractToDirectory(?:Async)?|ArchiveFactory\.Open|new TarReader)\(`), skip: rex(`ZipArchiveMode\.(?:Create|Update)`)},
		{rule: rule, in: langs(ruby), words: []string{"Zip::", "TarReader", "Minitar"}, notPath: sinkTooling, re: rex(`\b(?P<k>Zip::File\.open(?:_buffer)?|Zip::InputStream\.\w+|Gem::Package::TarReader\.new|Minitar\.unpack)\b`), skip: rex(`Zip::File::CREATE|create:\s*true`)},
		{rule: rule, in: langs(php), words: []string{"->extractTo(", "PharData("}, notPath: sinkTooling, re: rex(`->(?P<k>extractTo)\(`)},
		{rule: rule, in: langs(rust), words: []string{"Archive::new("}, notPath: sinkTooling, imports: rex(`\b(?:zip|tar|tokio_tar|async_zip)\b`), re: rex(`\b(?P<k>ZipArchive::new|(?:tar::)?Archive::new)\(`)},
	}
}

var (
	fileLimits = rex(`\bMaxBytesReader\b|\bMaxBytesHandler\b|\bDetectContentType\b|\bmimetype\.Detect\w*|\blimits\s*:|\bfileFilter\b|\bMaxFileSizeValidator\b|\bFileTypeValidator\b|\bfileTypeFromBuffer\b|\bfile-type\b|\bFileExtensionValidator\b|\bvalidate_(?:image|file)_?\w*|\bmagic\.from_buffer\b|\bimghdr\b|\bRequestSizeLimit\w*|\bMultipartBodyLengthLimit\b|\bMAX_(?:FILE|UPLOAD|IMAGE|CONTENT)_?\w*(?:SIZE|LENGTH|BYTES)\w*|\b[mM]ax(?:File|Upload|Image)Size\w*|\.[sS]ize\s*>=?|\bgetSize\(\)\s*>|\.Length\s*>\s*\w*(?:[mM]ax|\d{4})|\bcontent_type\s+(?:not\s+)?in\b|\bmimetypes?\s*:|'mimes:|'max:|\bcontent_type:\s*[\[{]|\bDefaultBodyLimit\b|\bContentLengthRange\b|content-length-range|\bTika\b`)

	archiveLimits = rex(`\bLimitReader\b|\bio\.CopyN\b|\bfilepath\.IsLocal\b|\bos\.OpenRoot\b|\bSecureJoin\b|\bHasPrefix\([^)\n]*(?i:dest|dir|path|target|clean)|["']\.\.[/\\]?["']|\bfile_size\b|\bis_relative_to\b|\bcommonp(?:ath|refix)\b|\bfilter\s*=\s*["']data["']|\b[mM]ax\w*(?:Entries|Files|Size|Bytes|Uncompressed\w*)\b|\bMAX_\w*(?:ENTRIES|FILES|SIZE|BYTES)\w*\b|\bstartsWith\([^)\n]*(?i:dest|dir|path|target|root)|\bStartsWith\([^)\n]*(?i:dest|dir|path|target|root)|\buncompressedSize\w*|\bUncompressedSize64\b|\benclosed_name\b|\bstart_with\?\([^)\n]*(?i:dest|dir|path)`)
)

// limits adds evidence about uploads and archives to a file that has some.
func (v *sinkView) limits() {
	var uploads, archives bool
	for _, f := range v.found {
		uploads = uploads || f.Rule == "file-upload"
		archives = archives || f.Rule == "archive-extract"
	}
	if uploads {
		v.evident(FileLimit, fileLimits)
	}
	if archives {
		v.evident(ArchiveLimit, archiveLimits)
	}
}
