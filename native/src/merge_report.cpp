#include "json_text.hpp"
#include "oft/checkpoint_merge.hpp"

namespace oft {

std::string MergeReport::to_json() const {
  Json rows = Json::array();
  for (const MergedLayer& layer : layers) {
    Json row{{"name", layer.name},
             {"component", layer.component},
             {"kind", layer.kind},
             {"shape", layer.shape},
             {"dtype", layer.dtype},
             {"block_size", layer.block_size},
             {"blocks", layer.blocks},
             {"orthogonality_error", layer.orthogonality_error},
             {"largest_angle", layer.largest_angle}};
    row["verify_error"] = layer.verify_error ? Json(*layer.verify_error) : Json(nullptr);
    rows.push_back(std::move(row));
  }
  return Json{{"layers", rows},
              {"orthogonality_error", orthogonality_error},
              {"largest_angle", largest_angle},
              {"replaced", replaced},
              {"warnings", warnings},
              {"files", files},
              {"bytes_read", bytes_read},
              {"bytes_written", bytes_written},
              {"seconds", seconds},
              {"verified", verified},
              {"verify_tolerance", verify_tolerance}}
      .dump();
}

}  // namespace oft
