/**
 * What a shell loads to complete `levain`: each asks `levain completion --line` for what could stand at the cursor, so that
 * nothing in it can be out of date. Words are separated by the unit separator, which nobody types.
 */

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** First line of an answer that says: complete names of files, or of folders. */
export const FILES_LINE = ":files";
export const FOLDERS_LINE = ":folders";

/** Stands between words of a line. */
export const WORD_SEPARATOR = "\x1f";

export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# levain completion bash
_levain() {
  local line current="\${COMP_WORDS[COMP_CWORD]}" answer word
  line=$(IFS=$'\\x1f'; printf '%s' "\${COMP_WORDS[*]:1:COMP_CWORD}")
  answer=$(levain completion --line="$line" 2>/dev/null) || return
  COMPREPLY=()
  case $answer in
    :files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    :folders) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
  esac
  while IFS=$'\\t' read -r word _; do
    [[ $word == "$current"* ]] && COMPREPLY+=("$word")
  done <<<"$answer"
}
complete -F _levain levain
`,
  zsh: `#compdef levain
# levain completion zsh
_levain() {
  local answer line word meaning
  local -a found
  line=\${(pj:\\x1f:)words[2,CURRENT]}
  answer=$(levain completion --line="$line" 2>/dev/null) || return 1
  case $answer in
    :files) _files; return ;;
    :folders) _files -/; return ;;
  esac
  for line in \${(f)answer}; do
    word=\${line%%$'\\t'*} meaning=\${line#*$'\\t'}
    found+=("\${word//:/\\\\:}:$meaning")
  done
  _describe levain found
}
if [ "$funcstack[1]" = _levain ]; then _levain "$@"; else compdef _levain levain; fi
`,
  fish: `# levain completion fish
function __levain_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l answer (levain completion --line=(string join \\x1f -- $words[2..-1]) 2>/dev/null)
  switch "$answer[1]"
    case :files
      __fish_complete_path (commandline -ct)
    case :folders
      __fish_complete_directories (commandline -ct) ''
    case '*'
      string join \\n -- $answer
  end
end
complete -c levain -f -a '(__levain_complete)'
`,
};
