// The code that the checks are tried on is compiled against the library itself.
module testdata

go 1.26.0

require github.com/stillframe/stillframe v0.0.0

replace github.com/stillframe/stillframe => ../../..
