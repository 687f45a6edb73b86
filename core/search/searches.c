#include "core/search/searches.h"
