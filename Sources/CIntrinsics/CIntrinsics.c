// CIntrinsics is a header alone; a package needs a source file to build it as a target.
#include "CIntrinsics.h"
