{{/* The server's variables; its options are described by `seaway server --help`. */}}
{{- define "seaway.environment" -}}
{{- $plain := list
  (list "SEAWAY_LOG" .Values.logLevel)
  (list "SEAWAY_SERVER_HOME" "/var/lib/seaway")
  (list "SEAWAY_SERVER_LISTEN" (printf "*:%d" (int .Values.port)))
  (list "SEAWAY_SERVER_INSTALLATION" (printf "%s/%s" .Release.Namespace .Release.Name))
  (list "SEAWAY_SERVER_URL" (include "seaway.url" .))
  (list "SEAWAY_SERVER_TLS_CERT" "/etc/seaway/tls/tls.crt")
  (list "SEAWAY_SERVER_TLS_KEY" "/etc/seaway/tls/tls.key")
  (list "SEAWAY_SERVER_TLS_CA" (ternary "" "/etc/seaway/tls/ca.crt" .Values.tls.public))
  (list "SEAWAY_SERVER_TOKEN_FILE" "/etc/seaway/token/token")
  (list "SEAWAY_SERVER_DEFAULT_IMAGE" .Values.runs.image)
  (list "SEAWAY_SERVER_POD_SECURITY" .Values.runs.security)
  (list "SEAWAY_SERVER_POD_USER" (int .Values.runs.user | toString))
  (list "SEAWAY_SERVER_POD_SERVICE_ACCOUNT" .Values.runs.serviceAccount)
  (list "SEAWAY_SERVER_SCRATCH_LIMIT" .Values.limits.scratch)
  (list "SEAWAY_SERVER_SCRATCH_FILES" (ternary (int .Values.limits.scratchFiles | toString) "" (not (empty .Values.limits.scratchFiles))))
  (list "SEAWAY_SERVER_STORAGE_LIMIT" .Values.limits.storage)
  (list "SEAWAY_SERVER_WORKSPACE_STORAGE_LIMIT" .Values.limits.workspaceStorage)
  (list "SEAWAY_SERVER_STORAGE_FILES" (ternary (int .Values.limits.storageFiles | toString) "" (not (empty .Values.limits.storageFiles))))
  (list "SEAWAY_SERVER_WORKSPACE_STORAGE_FILES" (ternary (int .Values.limits.workspaceStorageFiles | toString) "" (not (empty .Values.limits.workspaceStorageFiles))))
  (list "SEAWAY_SERVER_BIN_DAYS" (int .Values.limits.binDays | toString))
  (list "SEAWAY_SERVER_HISTORY_DAYS" (int .Values.history.days | toString))
  (list "SEAWAY_SERVER_HISTORY_LOGS" .Values.history.logs)
  (list "SEAWAY_SERVER_RECORD_LOGS" .Values.history.pods)
  (list "SEAWAY_SERVER_WAITS" .Values.notifications.waits)
  (list "SEAWAY_SERVER_HUNG" .Values.notifications.hung)
  (list "SEAWAY_SERVER_ARTIFACTS" .Values.artifacts.url)
  (list "AWS_ENDPOINT_URL_S3" .Values.artifacts.endpoint)
  (list "AWS_REGION" .Values.artifacts.region)
  (list "SEAWAY_SERVER_LEADER_ELECTION" (ternary "true" "" (not (empty .Values.database.secret))))
-}}
{{- range $plain }}
{{- if last . }}
- name: {{ first . }}
  value: {{ last . | quote }}
{{- end }}
{{- end }}
- name: SEAWAY_SERVER_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: SEAWAY_SERVER_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- with .Values.database }}
{{- if .secret }}
- name: SEAWAY_SERVER_DATABASE
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- with .Values.artifacts.secret }}
{{- $secret := . }}
{{- range list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" }}
- name: {{ . }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: {{ . }}
{{- end }}
{{- end }}
{{- range $name, $text := .Values.env }}
- name: {{ $name }}
  value: {{ $text | quote }}
{{- end }}
{{- end }}
