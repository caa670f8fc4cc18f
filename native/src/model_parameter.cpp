#include "model_parameter.hpp"

#include <utility>
#include <vector>

#include "gradients.hpp"
#include "oft/error.hpp"
#include "text.hpp"

namespace oft {

OFTModel::LayerParameter find_parameter(const OFTModel& model, const std::string& name) {
  std::vector<std::string> names;
  for (auto& [own, tensor] : model.named_trainable_parameters()) {
    if (own == name) return {name, tensor, gradient_of(tensor)};
    names.push_back(std::move(own));
  }
  for (OFTModel::LayerParameter& parameter : model.layer_parameters()) {
    if (parameter.name == name) return std::move(parameter);
    names.push_back(std::move(parameter.name));
  }
  throw Error(Status::kNotFound,
              "the model has no adapter parameter '" + name + "'" +
                  (names.empty() ? "" : "; nearest: " + quote_some(nearest_names(name, names))));
}

}  // namespace oft
