# Files as C strings: a constant for each, named by its file (flamegraph.js: asset_flamegraph_js).
# A literal a line, since compilers limit how long one may be.
BEGIN { print "#include \"report/assets.h\"" }
FNR == 1 {
    if (NR > 1)
        print "    ;"
    name = FILENAME
    sub(/.*\//, "", name)
    gsub(/[^a-z0-9]/, "_", name)
    print "\nconst char asset_" name "[] ="
}
{
    gsub(/\\/, "\\\\")
    gsub(/"/, "\\\"")
    print "    \"" $0 "\\n\""
}
END { print "    ;" }
