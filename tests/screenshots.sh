#!/usr/bin/env bash
# screenshots.sh BUILD [NAME...]: every screen and the main dialogs, dark and light, at 80x24 and
# 200x50, as BUILD/screenshots/*.png: what the goldens of these names show. And the report as HTML,
# 1280 and 400 pixels wide, which must have its text and no overflow.
set -u
build=$1
shift
out=$build/screenshots
frames="${*:-baking red flow-filled flow-cross flow-wide fleet workers guards-harm guards-safe plan-baking
	plan-days journal journal-whole help replay-middle step-open step-locked step-checks rollback resume-red
	leave prompt unverified stale lost both diverged partial
	ask close several idle never}"
browser=$(command -v chromium || command -v chromium-browser) || {
	echo "screenshots: no chromium here, so none is made (apt-get install chromium)"
	exit 0
}
fc-list 2>/dev/null | grep -q 'DejaVu Sans Mono' ||
	echo "screenshots: no font DejaVu Sans Mono, so the pictures have another (fonts-dejavu-core)"
mkdir -p "$out"
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

browse() { # OPTION...: a browser without a window, a network or a past
	"$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --disable-extensions \
		--host-resolver-rules='MAP * ~NOTFOUND' --user-data-dir="$profile" --log-level=3 "$@" 2>/dev/null
}

shoot() { # URL WxH FILE
	browse --window-size="${2/x/,}" --screenshot="$3" "$1" >/dev/null && [ -s "$3" ] && return
	echo "screenshots: no '$3'"
	failed=1
}

failed=0
for name in $frames; do
	for size in 80x24 120x40 200x50; do
		golden=tests/golden/$name-$size.txt
		[ -e "$golden" ] || continue
		[ $size = 120x40 ] && [ -e "tests/golden/$name-200x50.txt" ] && continue
		for theme in dark light; do
			svg=$out/$name-$size-$theme.svg
			px=$("$build/tests/shots/shots" $theme $theme "$golden" 2>&1 >"$svg") || { echo "$px"; exit 1; }
			shoot "file://$PWD/$svg" "${px/,/x}" "${svg%.svg}.png"
		done
	done
done

# The report of a recorded migration. A browser does not go below 500 pixels: a frame does.
history=$profile/report.db
if "$build/weir" import tests/recordings/checkout.jsonl --history "$history" >/dev/null 2>&1 &&
	"$build/weir" report "$history" --format html >"$out/report.html" 2>/dev/null; then
	for width in 1280 400; do
		page=$out/report-$width.html
		printf '<!DOCTYPE html><body style="margin:0"><iframe src="report.html" style="border:0;width:%dpx;height:3000px"></iframe><p id="said"></p><script>
			onload = () => {
				const d = document.querySelector("iframe").contentDocument, w = d.documentElement.scrollWidth;
				const text = d.body.innerText.length;
				document.getElementById("said").textContent = "wide " + w + " of %d, " + text + " characters";
			}</script>' $width $width >"$page"
		shoot "file://$PWD/$page" "$((width < 500 ? 500 : width))x3000" "${page%.html}.png"
		said=$(browse --allow-file-access-from-files --dump-dom "file://$PWD/$page" | grep -o 'wide [0-9]* of [0-9]*, [0-9]* characters' | tail -1)
		echo "screenshots: report $said"
		case $said in
		"wide $width of $width, "[1-9][0-9][0-9]*) ;;
		*) echo "screenshots: the report does not fit $width pixels, or has no text"; failed=1 ;;
		esac
	done
else
	echo "screenshots: the recording could not be reported"
	failed=1
fi
echo "screenshots: $(ls "$out"/*.png | wc -l) in $out"
exit $failed
