#include "origin/edge.h"

bool ph_edge_contains(const struct ph_edge *edge, struct ph_part_position wanted) {
    if (!edge->any)
        return false;
    if (ph_part_position_compare(edge->newest, wanted) >= 0)
        return true;
    return wanted.part == PH_WHOLE_SEGMENT && wanted.segment == edge->newest.segment && edge->closed;
}

struct ph_part_position ph_edge_next(const struct ph_edge *edge) {
    if (!edge->any)
        return (struct ph_part_position){0, 0};
    if (edge->closed)
        return (struct ph_part_position){edge->newest.segment + 1, 0};
    return (struct ph_part_position){edge->newest.segment, edge->newest.part + 1};
}
